/** The example app of Nitro: built, started and asked. */
import { spawn, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const example = fileURLToPath(new URL("../examples/nitro", import.meta.url));

/** Installs what the example needs, once, and builds it; returns the folder of the built server. */
export function buildApp() {
  if (!existsSync(join(example, "node_modules/nitro"))) {
    run("npm", ["install", "--no-audit", "--no-fund", "--no-package-lock"], example);
  }
  run(process.execPath, ["node_modules/nitro/dist/cli/index.mjs", "build"], example);
  const folder = mkdtempSync(join(tmpdir(), "rustorage-app-"));
  // Away from the project, as it would be deployed.
  cpSync(join(example, ".output"), join(folder, "output"), {
    recursive: true,
    verbatimSymlinks: true,
  });
  return folder;
}

export function removeApp(folder) {
  rmSync(folder, { recursive: true, force: true });
}

/** Starts the built server in `folder`, on a free port; `stop()` ends it. */
export async function startApp(folder, env = {}) {
  const port = await freePort();
  const server = spawn(process.execPath, ["output/server/index.mjs"], {
    cwd: folder,
    env: { ...process.env, NITRO_HOST: "127.0.0.1", HOST: "127.0.0.1", PORT: String(port), ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [server.stdout, server.stderr])
    stream.on("data", (text) => (output += text));
  const ended = new Promise((resolve) => server.once("exit", resolve));
  const url = `http://127.0.0.1:${port}`;
  const stop = async () => {
    server.kill();
    await ended;
  };
  const deadline = Date.now() + 30_000;
  for (;;) {
    if (server.exitCode !== null) throw new Error(`The server ended:\n${output}`);
    try {
      await fetch(`${url}/keys`);
      return { url, stop, ask: (method, path, body) => ask(url, method, path, body) };
    } catch (error) {
      if (Date.now() > deadline) {
        await stop();
        throw new Error(`The server does not answer:\n${output}`, { cause: error });
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

async function ask(url, method, path, body) {
  const response = await fetch(url + path, {
    method,
    ...(body !== undefined && {
      body: JSON.stringify(body),
      headers: { "content-type": "application/json" },
    }),
  });
  const text = await response.text();
  return { status: response.status, body: text === "" ? undefined : JSON.parse(text) };
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

function run(command, args, cwd) {
  const { status, error, stdout, stderr } = spawnSync(command, args, { cwd, encoding: "utf8" });
  if (error) throw error;
  if (status !== 0) throw new Error(`${command} ${args.join(" ")} failed:\n${stdout}${stderr}`);
}
