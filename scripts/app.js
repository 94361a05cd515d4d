/**
 * Real apps on the packed package: set up outside the checkout, built, moved, started and asked over HTTP.
 *
 * What is installed stays for the next run, which needs nothing of it.
 */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { basename, delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort } from "../__test__/servers/ports.js";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Outside: what is installed for the checkout must not stand in for what an app lacks. */
const apps = join(tmpdir(), `rustorage-apps-${userInfo().username}`, digest(root));

/** The package manager's commands; pnpm comes through npm, so that nothing has to be installed for it. */
const MANAGERS = {
  npm: ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock"],
  pnpm: ["npx", "--yes", "pnpm@10.28.0", "install", "--no-frozen-lockfile"],
};

/**
 * Makes the app `name` of the `sources`, folders of which the later win, and installs it with the packed package; returns its
 * folder. `node` is what runs the package manager; `dependencies` are those beside the app's own.
 */
export function setUpApp(
  name,
  sources,
  { manager = "npm", node = process.execPath, dependencies = {} } = {},
) {
  const folder = join(apps, name);
  mkdirSync(folder, { recursive: true });
  for (const entry of readdirSync(folder)) {
    if (entry !== "node_modules" && !entry.startsWith("installed"))
      rmSync(join(folder, entry), { recursive: true });
  }
  for (const source of sources) {
    cpSync(source, folder, {
      recursive: true,
      filter: (path) => !["node_modules", ".output"].includes(basename(path)),
    });
  }
  const { rustorage, ...binaries } = packed();
  const description = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  Object.assign(description.dependencies, dependencies, { rustorage });
  if (manager === "npm") description.overrides = binaries;
  const wanted = JSON.stringify({ ...description, manager, binaries }, null, 2);
  writeFileSync(join(folder, "package.json"), JSON.stringify(description, null, 2));
  if (manager === "pnpm") {
    const overrides = Object.entries(binaries).map(([key, value]) => `  "${key}": "${value}"\n`);
    writeFileSync(join(folder, "pnpm-workspace.yaml"), `overrides:\n${overrides.join("")}`);
  }
  const installed = join(folder, "installed.json");
  if (!existsSync(installed) || readFileSync(installed, "utf8") !== wanted) {
    rmSync(installed, { force: true });
    run(MANAGERS[manager], folder, node);
    writeFileSync(installed, wanted);
  }
  return folder;
}

/** Sets up one of the examples. */
export function exampleApp(name, options) {
  return setUpApp(`example-${name}`, [join(root, "examples", name)], options);
}

let tarballs;

/** What is packed, by the packages' names: each tarball's name has the digest of its content, so that news are installed. */
function packed() {
  if (tarballs) return tarballs;
  mkdirSync(apps, { recursive: true });
  const fresh = mkdtempSync(join(apps, "packing-"));
  const program = fileURLToPath(new URL("pack.js", import.meta.url));
  const paths = execFileSync(process.execPath, [program, fresh], { encoding: "utf8" });
  tarballs = Object.fromEntries(
    paths
      .trim()
      .split("\n")
      .map((path) => {
        const name = basename(path).replace(/-\d.*/, "").replace("rustorage-", "@rustorage/");
        const kept = join(apps, "packed", digest(readFileSync(path)), basename(path));
        mkdirSync(dirname(kept), { recursive: true });
        renameSync(path, kept);
        return [name, `file:${kept}`];
      }),
  );
  rmSync(fresh, { recursive: true });
  return tarballs;
}

/** Builds the app with its own script and returns the folder of the moved output. */
export function buildApp(app, { node, env } = {}) {
  run(["npm", "run", "build"], app, node, env);
  return moveOutput(app);
}

/** Moves what was built to a folder of its own, as it would be deployed. */
export function moveOutput(app) {
  const folder = mkdtempSync(join(tmpdir(), "rustorage-app-"));
  const output = join(app, ".output");
  cpSync(output, join(folder, "output"), { recursive: true, verbatimSymlinks: true });
  rmSync(output, { recursive: true });
  return folder;
}

export function removeApp(folder) {
  rmSync(folder, { recursive: true, force: true });
}

/** Starts the server built into `folder`. */
export function startApp(folder, { env, node } = {}) {
  return start(["node", "output/server/index.mjs"], folder, { env, node });
}

/**
 * Starts the app's development server; `command` gets its port as the last argument. `sign` is a file that the app writes when it is there, for a
 * server that ends where it is asked too early.
 */
export function startDevelopment(app, command, { env, node, sign } = {}) {
  const path = sign && join(app, sign);
  if (path) rmSync(path, { force: true });
  return start(["npx", ...command], app, { env, node, port: true, sign: path });
}

/** Starts a server on a free port and waits until it answers, which it is asked once `sign` is there; `stop()` ends it. */
export async function start(
  command,
  cwd,
  { env, node, port: named = false, ready = "/", sign } = {},
) {
  const port = await freePort();
  const [program, ...args] = named ? [...command, String(port)] : command;
  const server = spawn(program, args, {
    cwd,
    env: {
      ...environment(node),
      NITRO_HOST: "127.0.0.1",
      HOST: "127.0.0.1",
      PORT: String(port),
      ...env,
    },
    stdio: ["ignore", "pipe", "pipe"],
    // A group of its own, as development servers start processes of their own.
    detached: true,
  });
  let output = "";
  for (const stream of [server.stdout, server.stderr])
    stream.on("data", (text) => (output += text));
  const ended = new Promise((resolve) => server.once("close", resolve));
  const stop = async () => {
    try {
      process.kill(-server.pid);
    } catch {
      // It ended by itself.
    }
    await ended;
  };
  const url = `http://127.0.0.1:${port}`;
  const app = {
    url,
    stop,
    pid: server.pid,
    running: () => server.exitCode === null && server.signalCode === null,
    output: () => output,
    ask: (method, path, body) => ask(url, method, path, body),
  };
  const deadline = Date.now() + 120_000;
  let failure;
  for (;;) {
    if (server.exitCode !== null) throw new Error(`The server ended:\n${output}`);
    if (Date.now() > deadline) {
      await stop();
      throw new Error(`The server does not answer:\n${output}`, { cause: failure });
    }
    try {
      if (sign === undefined || existsSync(sign)) {
        // A development server answers 503 while it builds, or not at all what comes too early.
        const { status } = await fetch(url + ready, { signal: AbortSignal.timeout(5000) });
        if (status !== 503) return app;
      }
    } catch (error) {
      failure = error;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function ask(url, method, path, body) {
  const response = await fetch(url + path, {
    method,
    // A development server that reloads loses some.
    signal: AbortSignal.timeout(10_000),
    ...(body !== undefined && {
      body: JSON.stringify(body),
      headers: { "content-type": "application/json" },
    }),
  });
  const text = await response.text();
  try {
    return { status: response.status, body: text === "" ? undefined : JSON.parse(text) };
  } catch {
    throw new Error(`${method} ${path} gave ${response.status}: ${text}`);
  }
}

/** The environment of a user's shell, with `node` first in the path: Nitro does other things in tests. */
function environment(node = process.execPath) {
  const entries = Object.entries(process.env).filter(
    ([name]) => !/^(?:VITEST|npm_|TEST$|NODE_ENV$|NODE_OPTIONS$)/.test(name),
  );
  return {
    ...Object.fromEntries(entries),
    NO_COLOR: "1",
    PATH: `${dirname(node)}${delimiter}${process.env.PATH}`,
  };
}

export function run([command, ...args], cwd, node, env) {
  const options = { cwd, encoding: "utf8", env: { ...environment(node), ...env } };
  const { status, error, stdout, stderr } = spawnSync(command, args, options);
  if (error) throw error;
  if (status !== 0) throw new Error(`${command} ${args.join(" ")} failed:\n${stdout}${stderr}`);
  return stdout + stderr;
}

function digest(content) {
  return createHash("sha256").update(content).digest("hex").slice(0, 16);
}
