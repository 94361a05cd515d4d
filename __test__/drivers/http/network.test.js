/** What the environment says of networks: authorities, proxies; and what a server can do, HTTP/2. */
import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { constants, createSecureServer } from "node:http2";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, onTestFinished, test } from "vitest";
import { makeCertificates } from "../../servers/certificates.js";

const folder = mkdtempSync(join(tmpdir(), "rustorage-tls-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const { ca, cert, key } = makeCertificates(folder);

/** What the program printed, in an environment of its own. It has to end by itself. */
function ask(base, environment = {}) {
  const program = fileURLToPath(new URL("program.js", import.meta.url));
  const env = { ...process.env, HTTP_PROXY: "", HTTPS_PROXY: "", NO_PROXY: "", ...environment };
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [program, base], { env, timeout: 60_000 }, (error, stdout) =>
      error ? reject(error) : resolve(JSON.parse(stdout)),
    );
  });
}

async function listen(server) {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => server.close());
  return server.address().port;
}

test("NODE_EXTRA_CA_CERTS is trusted, and HTTP/2 is spoken where the server can", async () => {
  const server = createSecureServer({ cert: cert.pem, key: key.pem, allowHTTP1: true });
  server.on("request", (request, response) => response.end(JSON.stringify(request.httpVersion)));
  const base = `https://localhost:${await listen(server)}`;
  expect(await ask(base, { NODE_EXTRA_CA_CERTS: ca.path })).toBe("2.0");
  expect(await ask(base)).toMatchObject({
    code: "TLS",
    message: expect.stringContaining(`GET ${base}: invalid peer certificate`),
  });
});

test("that the server ended a request over HTTP/2 is said", async () => {
  const server = createSecureServer({ cert: cert.pem, key: key.pem });
  server.on("stream", (stream) => {
    stream.on("error", () => {});
    stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM);
  });
  const base = `https://localhost:${await listen(server)}`;
  expect(await ask(base, { NODE_EXTRA_CA_CERTS: ca.path })).toMatchObject({
    code: "ECONNRESET",
    message: expect.stringContaining("the server ended the request"),
  });
});

test("proxies are taken from the environment, and NO_PROXY", async () => {
  const server = createServer((_, response) => response.end("directly"));
  const base = `http://127.0.0.1:${await listen(server)}`;
  const proxy = createServer((request, response) => response.end(`proxied ${request.url}`));
  const HTTP_PROXY = `http://127.0.0.1:${await listen(proxy)}`;
  expect(await ask(base)).toBe("directly");
  expect(await ask(base, { HTTP_PROXY })).toBe(`proxied ${base}/a`);
  expect(await ask(base, { HTTP_PROXY, NO_PROXY: "127.0.0.1" })).toBe("directly");
});

test("what is encrypted goes through a proxy as it is", async () => {
  const server = createSecureServer({ cert: cert.pem, key: key.pem, allowHTTP1: true });
  server.on("request", (_, response) => response.end("secret"));
  const port = await listen(server);
  const tunnels = [];
  const proxy = createServer();
  proxy.on("connect", (request, client) => {
    tunnels.push(request.url);
    const upstream = connect(port, "127.0.0.1", () => {
      client.write("HTTP/1.1 200 OK\r\n\r\n");
      client.pipe(upstream).pipe(client);
    });
    client.on("error", () => upstream.destroy());
    upstream.on("error", () => client.destroy());
  });
  const HTTPS_PROXY = `http://127.0.0.1:${await listen(proxy)}`;
  const environment = { HTTPS_PROXY, NODE_EXTRA_CA_CERTS: ca.path };
  expect(await ask(`https://localhost:${port}`, environment)).toBe("secret");
  expect(tunnels).toEqual([`localhost:${port}`]);
});

test("a process ends after a call that failed", async () => {
  expect(await ask("http://127.0.0.1:1")).toMatchObject({ code: "ECONNREFUSED" });
});
