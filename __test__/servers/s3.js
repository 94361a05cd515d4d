/** Starts servers that speak as S3 does, on free ports: SeaweedFS and moto. `scripts/servers.sh` installs them. */
import { AwsClient } from "aws4fetch";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { freePort } from "./ports.js";
import { startProgram } from "./program.js";

const SERVERS = fileURLToPath(new URL("../../node_modules/.servers/", import.meta.url));

/** What drivers log in with. SeaweedFS looks at it, moto does not. */
export const OPTIONS = {
  accessKeyId: "access-key",
  secretAccessKey: "s3cret-of-the-key",
  region: "us-east-1",
};

/** What comes back has the `endpoint`, and `stop()`. */
export async function startSeaweed() {
  const folder = mkdtempSync(join(tmpdir(), "rustorage-s3-"));
  const port = await freePort(4);
  const credentials = [{ accessKey: OPTIONS.accessKeyId, secretKey: OPTIONS.secretAccessKey }];
  const identities = [{ name: "test", credentials, actions: ["Admin", "Read", "Write", "List"] }];
  writeFileSync(join(folder, "s3.json"), JSON.stringify({ identities }));
  const ports = {
    "master.port": port,
    "volume.port": port + 1,
    "filer.port": port + 2,
    "s3.port": port + 3,
  };
  const options = {
    ip: "127.0.0.1",
    "ip.bind": "127.0.0.1",
    dir: folder,
    ...ports,
    "s3.config": join(folder, "s3.json"),
    "s3.port.iceberg": 0,
    "s3.port.lance": 0,
    "volume.max": 20,
    "master.volumeSizeLimitMB": 64,
  };
  const args = Object.entries(options).map(([name, value]) => `-${name}=${value}`);
  const url = `http://127.0.0.1:${port + 3}`;
  const program = `${SERVERS}seaweedfs/bin/weed`;
  const server = await startProgram(program, ["server", "-filer", "-s3", ...args], { folder, url });
  // It answers before it has a place to write to.
  while (!(await hasPlace(port))) await sleep(50);
  return server;
}

async function hasPlace(master) {
  const answer = await fetch(`http://127.0.0.1:${master}/dir/assign`).catch(() => undefined);
  return answer !== undefined && (await answer.json()).fid !== undefined;
}

/** As `startSeaweed`. */
export async function startMoto() {
  const folder = mkdtempSync(join(tmpdir(), "rustorage-moto-"));
  const port = await freePort(1);
  const args = ["-m", "moto.server", "-H", "127.0.0.1", "-p", `${port}`];
  const env = { PYTHONPATH: `${SERVERS}moto` };
  return startProgram("python3", args, { folder, env, url: `http://127.0.0.1:${port}` });
}

export async function createBucket({ endpoint, bucket, accessKeyId, secretAccessKey, region }) {
  const client = new AwsClient({ accessKeyId, secretAccessKey, region, service: "s3" });
  const answer = await client.fetch(`${endpoint}/${bucket}`, { method: "PUT" });
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
}
