/** The Redis servers that all libraries are measured on, by the options that lead there. They end with the process. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeCertificates } from "../__test__/servers/certificates.js";
import { freePort } from "../__test__/servers/ports.js";
import { startCluster, startRedis } from "../__test__/servers/redis.js";

const START = {
  async plain() {
    const { port } = await startRedis();
    return { port };
  },
  async tls() {
    const folder = mkdtempSync(join(tmpdir(), "rustorage-"));
    process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
    const { ca, cert, key } = makeCertificates(folder);
    const port = await freePort();
    const files = ["--tls-cert-file", cert.path, "--tls-key-file", key.path];
    const args = ["--tls-port", `${port}`, "--tls-auth-clients", "no"];
    args.push(...files, "--tls-ca-cert-file", ca.path);
    await startRedis({ port: 0, args });
    return { port, tls: { ca: ca.pem } };
  },
  async cluster() {
    const { ports } = await startCluster();
    return { cluster: ports.map((port) => ({ host: "127.0.0.1", port })) };
  },
};

const started = {};

/** `kind`: "plain", "tls" or "cluster". */
export function server(kind) {
  return (started[kind] ??= START[kind]());
}
