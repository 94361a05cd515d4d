/** Starts Workers KV on a free port: `programs/cloudflare-kv.js`, which needs a newer Node than the oldest that runs tests. */
import { fileURLToPath } from "node:url";
import { freePort } from "./ports.js";
import { startProgram } from "./program.js";

const path = (relative) => fileURLToPath(new URL(relative, import.meta.url));

export const TOKEN = "s3cret-token-of-the-account";
const NAMESPACE = "0f2ac74b498b48028cb68387c421e279";

/** What comes back has the `options` of a driver, and `stop()`. */
export async function startCloudflareKv() {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const args = [path("programs/cloudflare-kv.js"), `${port}`, NAMESPACE, TOKEN];
  const node = path("../../node_modules/node24/bin/node");
  const { stop } = await startProgram(node, args, { url });
  return {
    options: { accountId: "account", namespaceId: NAMESPACE, apiToken: TOKEN, apiURL: url },
    stop,
  };
}
