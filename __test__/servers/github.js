/** Starts GitHub on free ports: `emulate`, which needs a newer Node than the oldest that runs tests, and what stands for the network that files are read from. */
import { once } from "node:events";
import { mkdtempSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort } from "./ports.js";
import { startProgram } from "./program.js";

const path = (relative) => fileURLToPath(new URL(relative, import.meta.url));

export const TOKEN = "s3cret-token-of-the-user";
const REPO = "octocat/files";

/**
 * What comes back has the `options` of a driver, the `requests` for files and lists that came, `write(path, content)`, which commits a
 * file, and `stop()`.
 */
export async function startGithub() {
  const folder = mkdtempSync(join(tmpdir(), "rustorage-github-"));
  const [owner, name] = REPO.split("/");
  const seed = {
    tokens: { [TOKEN]: { login: owner, scopes: ["repo"] } },
    github: {
      users: [{ login: owner }],
      repos: [{ owner, name, auto_init: true, private: true }],
    },
  };
  writeFileSync(join(folder, "seed.json"), JSON.stringify(seed));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const program = path("../../node_modules/emulate/dist/index.js");
  const args = [
    program,
    "start",
    "--service",
    "github",
    "--port",
    `${port}`,
    "--seed",
    "seed.json",
  ];
  const emulator = await startProgram(path("../../node_modules/node24/bin/node"), args, {
    folder,
    url,
  });

  const requests = [];
  /** Passes requests on; `raw.githubusercontent.com` has other paths than the emulator. */
  const passing = (rewrite) => async (request, response) => {
    requests.push(request);
    const headers = request.headers.authorization
      ? { authorization: request.headers.authorization }
      : {};
    const reply = await fetch(url + rewrite(request.url), { headers });
    response.writeHead(reply.status, { "x-github-request-id": "id-of-the-request" });
    response.end(Buffer.from(await reply.arrayBuffer()));
  };
  const listen = async (listener) => {
    const server = createServer(listener).listen(0, "127.0.0.1");
    await once(server, "listening");
    return server;
  };
  const api = await listen(passing((target) => target));
  const cdn = await listen(passing((target) => target.replace(/^(\/[^/]+\/[^/]+)\//, "$1/raw/")));
  const addressOf = (server) => `http://127.0.0.1:${server.address().port}`;
  return {
    options: { repo: REPO, token: TOKEN, apiURL: addressOf(api), cdnURL: addressOf(cdn) },
    requests,
    async write(file, content) {
      const target = `${url}/repos/${REPO}/contents/${file.split("/").map(encodeURIComponent).join("/")}`;
      const headers = { authorization: `token ${TOKEN}`, "content-type": "application/json" };
      const known = await fetch(target, { headers });
      const { sha } = known.ok ? await known.json() : {};
      const body = { message: "test", content: Buffer.from(content).toString("base64"), sha };
      const reply = await fetch(target, { method: "PUT", headers, body: JSON.stringify(body) });
      if (!reply.ok) throw new Error(`${reply.status} ${await reply.text()}`);
    },
    async stop() {
      for (const server of [api, cdn]) server.close();
      await emulator.stop();
    },
  };
}
