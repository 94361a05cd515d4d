/** Starts a server with the REST API of Upstash, over a Redis of its own. */
import { fileURLToPath } from "node:url";
import { freePort } from "./ports.js";
import { startProgram } from "./program.js";
import { startRedis } from "./redis.js";

const PROGRAM = fileURLToPath(
  new URL("../../node_modules/.bin/upstash-redis-server", import.meta.url),
);

export const TOKEN = "s3cret-token-of-the-database";

/** What comes back has the `endpoint`, the `redis` under it, and `stop()`. */
export async function startUpstash() {
  const redis = await startRedis();
  const port = await freePort();
  const env = { URS_TOKEN: TOKEN, PORT: `${port}`, REDIS_URL: `redis://127.0.0.1:${redis.port}` };
  const url = `http://127.0.0.1:${port}`;
  const server = await startProgram(process.execPath, [PROGRAM], { env, url });
  return {
    endpoint: url,
    redis,
    async stop() {
      await server.stop();
      await redis.stop();
    },
  };
}
