/** Starts PostgreSQL and MariaDB servers of our own on free ports. `scripts/servers.sh` installs them. */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { atExit } from "./at-exit.js";
import { freePort } from "./ports.js";

const run = promisify(execFile);

/** Debian keeps the programs of each version in a folder of their own. */
const VERSIONS = "/usr/lib/postgresql";

function postgresql(program) {
  const [newest] = existsSync(VERSIONS) ? readdirSync(VERSIONS).sort((a, b) => b - a) : [];
  return newest === undefined ? program : join(VERSIONS, newest, "bin", program);
}

/** Who runs the server: it refuses to be root's. Its folder is that user's. */
async function userOf(name, folder) {
  if (process.getuid() !== 0) return {};
  const [uid, gid] = await Promise.all(
    ["-u", "-g"].map(async (option) => Number((await run("id", [option, name])).stdout)),
  );
  chownSync(folder, uid, gid);
  return { uid, gid };
}

/** What comes back has the `options` of db0's connector, and `stop()`. */
export async function startPostgresql() {
  const folder = newFolder();
  const user = await userOf("postgres", folder);
  const data = join(folder, "data");
  const made = ["-D", data, "-A", "trust", "-U", "test", "-E", "UTF8", "--no-sync"];
  await run(postgresql("initdb"), made, { ...user, cwd: folder });
  const port = await freePort();
  const args = ["-D", data, "-h", "127.0.0.1", "-p", `${port}`, "-k", folder, "-F"];
  const stop = await launch(postgresql("postgres"), args, {
    folder,
    user,
    ready: "database system is ready to accept connections",
  });
  return { options: { url: `postgresql://test@127.0.0.1:${port}/postgres` }, stop };
}

export async function startMariadb() {
  const folder = newFolder();
  const user = await userOf("mysql", folder);
  const made = [
    "--no-defaults",
    `--datadir=${folder}`,
    "--auth-root-authentication-method=normal",
    "--skip-test-db",
  ];
  await run("mariadb-install-db", made, { ...user, cwd: folder });
  const port = await freePort();
  const args = [
    "--no-defaults",
    `--datadir=${folder}`,
    "--bind-address=127.0.0.1",
    `--port=${port}`,
    `--socket=${join(folder, "socket")}`,
  ];
  const stop = await launch("mariadbd", args, { folder, user, ready: "ready for connections" });
  return { options: { host: "127.0.0.1", port, user: "root", database: "mysql" }, stop };
}

function newFolder() {
  return mkdtempSync(join(tmpdir(), "rustorage-sql-"));
}

async function launch(command, args, { folder, user, ready }) {
  const server = spawn(command, args, {
    ...user,
    cwd: folder,
    stdio: ["ignore", "ignore", "pipe"],
  });
  const ended = once(server, "exit").catch((error) => error);
  const forget = atExit(() => server.kill("SIGKILL"));
  let log = "";
  await new Promise((resolve, reject) => {
    server.once("error", reject);
    server.once("exit", () => reject(new Error(`${command} ended at once:\n${log}`)));
    server.stderr.on("data", (text) => {
      log += text;
      if (log.includes(ready)) resolve();
    });
  });
  return async () => {
    // PostgreSQL takes its other processes along, which it could not if it were killed.
    server.kill("SIGQUIT");
    await ended;
    forget();
    rmSync(folder, { recursive: true, force: true });
  };
}
