/** What comes over a socket and is no proper request, or ends before it is over. */
import { createStorage } from "rustorage";
import { once } from "node:events";
import http2 from "node:http2";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { createH3StorageHandler, createStorageServer } from "rustorage/server";
import { createApp, toNodeListener } from "h3";
import { afterEach, describe, expect, onTestFinished, test, vi } from "vitest";
import fc from "fast-check";
import { startServer } from "../servers/storage.js";

const open = { authorize: () => {} };

const HANDLES = {
  createStorageServer: (storage, options) => createStorageServer(storage, options).handle,
  createH3StorageHandler: (storage, options) =>
    toNodeListener(createApp().use(createH3StorageHandler(storage, options))),
};

const rejections = [];
process.on("unhandledRejection", (error) => rejections.push(error));
afterEach(() => expect(rejections.splice(0)).toEqual([]));

describe.each(Object.keys(HANDLES))("%s", (name) => {
  async function serving(options = open, storage = createStorage()) {
    const server = await startServer(HANDLES[name](storage, options));
    onTestFinished(server.stop);
    return { storage, ...server };
  }

  async function connected(port) {
    const socket = connect(port, "127.0.0.1");
    await once(socket, "connect");
    socket.on("error", () => {});
    onTestFinished(() => socket.destroy());
    return socket;
  }

  /** Sends the bytes and gives all that comes back. */
  async function exchange(port, bytes) {
    const socket = await connected(port);
    const parts = [];
    socket.on("data", (part) => parts.push(part));
    socket.write(bytes);
    await once(socket, "close");
    return Buffer.concat(parts).toString("latin1");
  }

  /** The status of the answer to a request of which only the first line is odd. */
  async function status(port, method, target, rest = "") {
    const head = `${method} ${target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n`;
    const answer = await exchange(port, Buffer.from(`${head}${rest}\r\n`, "latin1"));
    return Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1]);
  }

  test.each([
    ["/a/../b", 400],
    ["/a/%2e%2e/b", 400],
    ["/%2e", 400],
    ["/..", 400],
    ["/../", 400],
    ["/a\\..\\b", 400],
    ["/a%5c..%5cb", 400],
    ["/a%", 400],
    ["/a%2", 400],
    ["/a%ff", 400],
    ["/a%c0%ae%c0%ae/b", 400],
    ["/a%ed%a0%80", 400],
    ["/a%00b", 404],
    ["/a%0d%0aset-cookie:%20x=1", 404],
    ["http://elsewhere/a", 404],
    ["http://elsewhere", 200],
    ["/?", 200],
    ["//", 200],
    ["/a?../..", 404],
    ["/a#b", 404],
    [`/${"a".repeat(8000)}`, 404],
    [`/${"a/".repeat(4000)}b`, 404],
    [`/${"a".repeat(20_000)}`, 431],
  ])("GET %.30s is answered with %i", async (target, expected) => {
    const { port, storage } = await serving();
    await storage.setItem("b", "kept");
    expect(await status(port, "GET", target)).toBe(expected);
    expect(await storage.getItem("b")).toBe("kept");
  });

  test("headers that are too large, and requests that are none", async () => {
    const { port, storage } = await serving();
    await storage.setItem("a", 1);
    expect(await status(port, "GET", "/a", `x: ${"y".repeat(20_000)}\r\n`)).toBe(431);
    expect(await status(port, "GET", "/a", "content-length: x\r\n")).toBe(400);
    expect(await status(port, "PUT", "/a", "content-length: -1\r\n")).toBe(400);
    const both = "content-length: 3\r\ntransfer-encoding: chunked\r\n";
    expect(await status(port, "PUT", "/a", both)).toBe(400);
    expect(await exchange(port, "\0\0\0\r\n\r\n")).toMatch(/^HTTP\/1\.1 400/);
    expect(await status(port, "GET", "/a")).toBe(200);
    expect(await storage.getItem("a")).toBe(1);
  });

  test.each([
    ["if-none-match", '"'],
    ["if-none-match", `"${"x".repeat(8000)}`],
    ["if-match", "W/"],
    ["if-modified-since", "9".repeat(400)],
    ["range", `bytes=${"9".repeat(400)}-`],
    ["range", `bytes=-${"9".repeat(400)}`],
    ["range", "bytes=\xff"],
    ["accept", ",;=,;q=;;"],
    ["content-type", ";;;"],
    ["x-ttl", "9".repeat(400)],
  ])("the header %s: %.20s ends in an answer", async (header, value) => {
    const { port, storage } = await serving();
    await storage.setItemRaw("a", Buffer.from("raw"));
    const raw = header === "range" ? "accept: application/octet-stream\r\n" : "";
    for (const method of ["GET", "HEAD", "PUT"]) {
      const answered = await status(port, method, "/a", `${raw}${header}: ${value}\r\n`);
      expect([200, 206, 304, 400, 412, 416]).toContain(answered);
    }
    expect(await status(port, "GET", "/a")).toBe(200);
  });

  test("whatever path is sent, the server answers, and nothing but a listing reaches a base", async () => {
    const { port, storage } = await serving();
    await storage.setItem("kept", 1);
    const path = fc
      .array(
        fc.constantFrom(
          ...[
            "/",
            ":",
            "\\",
            ".",
            "..",
            "%",
            "%2e",
            "%2F",
            "%3F",
            "%00",
            "%ff",
            "?",
            "#",
            "$",
            "a",
            "ü",
          ],
        ),
        { maxLength: 8 },
      )
      .map((parts) => `/x${parts.join("")}`);
    await fc.assert(
      fc.asyncProperty(path, fc.constantFrom("GET", "HEAD", "DELETE"), async (target, method) => {
        expect([200, 400, 404]).toContain(await status(port, method, target));
        expect(await storage.getItem("kept")).toBe(1);
      }),
      { numRuns: 300 },
    );
  });

  test("a body that breaks off is not written", async () => {
    const logged = vi.spyOn(console, "error").mockImplementation(() => {});
    const { port, storage } = await serving();
    await storage.setItem("a", "before");
    const started = vi.spyOn(storage, "setItem");
    const heads = [
      "content-length: 100\r\n\r\nhalf",
      "transfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n",
    ];
    for (const head of heads) {
      const socket = await connected(port);
      socket.write(`PUT /a HTTP/1.1\r\nhost: x\r\n${head}`);
      await sleep(50);
      socket.resetAndDestroy();
    }
    const half = await connected(port);
    half.end("PUT /a HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nhalf");
    await once(half.resume(), "close");
    await sleep(50);
    expect(await status(port, "GET", "/a")).toBe(200);
    expect(started).not.toHaveBeenCalled();
    expect(await storage.getItem("a")).toBe("before");
    expect(logged).not.toHaveBeenCalled();
  });

  test("who goes before the answer holds nothing up", async () => {
    const logged = vi.spyOn(console, "error").mockImplementation(() => {});
    const { port, storage } = await serving();
    await storage.setItemRaw("large", Buffer.alloc(20_000_000));
    for (let round = 0; round < 5; round++) {
      const socket = await connected(port);
      socket.write("GET /large HTTP/1.1\r\nhost: x\r\naccept: application/octet-stream\r\n\r\n");
      await once(socket, "data");
      socket.resetAndDestroy();
    }
    expect(await status(port, "GET", "/large", "range: bytes=0-1\r\n")).toBe(200);
    expect(logged).not.toHaveBeenCalled();
  });

  test("a refused upload leaves the connection usable", async () => {
    const { port, storage } = await serving({
      authorize({ key }) {
        if (key === "closed") throw new Error("no");
      },
      maxBodySize: 1000,
    });
    const body = "x".repeat(500_000);
    const put = (key, length) =>
      `PUT /${key} HTTP/1.1\r\nhost: x\r\ncontent-length: ${length}\r\n\r\n`;
    const answer = await exchange(
      port,
      put("closed", body.length) +
        body +
        put("large", body.length) +
        body +
        "GET /none HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
    );
    expect(answer.match(/HTTP\/1\.1 \d+/g)).toEqual([
      "HTTP/1.1 401",
      "HTTP/1.1 413",
      "HTTP/1.1 404",
    ]);
    expect(await storage.getKeys()).toEqual([]);
  });
});

test("HTTP/2 is served as HTTP/1.1 is, without a warning", async () => {
  const warned = vi.spyOn(process, "emitWarning");
  const authorize = ({ event }) => event.headers.get("authorization") === null;
  const { handle } = createStorageServer(createStorage(), { authorize, maxBodySize: 1000 });
  const server = http2.createServer(handle).listen(0, "127.0.0.1");
  onTestFinished(() => server.close());
  await once(server, "listening");
  const client = http2.connect(`http://127.0.0.1:${server.address().port}`);
  onTestFinished(() => client.close());
  const ask = async (method, path, body) => {
    const stream = client.request({ ":method": method, ":path": path });
    stream.end(body);
    const [headers] = await once(stream, "response");
    return [headers[":status"], await text(stream)];
  };
  expect(await ask("PUT", "/a/b", "text")).toEqual([200, "OK"]);
  expect(await ask("GET", "/a/b")).toEqual([200, "text"]);
  expect(await ask("HEAD", "/a/b")).toEqual([200, ""]);
  expect((await ask("PUT", "/c", "x".repeat(5000)))[0]).toBe(413);
  expect((await ask("GET", "/a/../b"))[0]).toBe(400);
  expect(await ask("GET", "/")).toEqual([200, '["a/b"]']);
  expect(warned).not.toHaveBeenCalled();
});

test("requests that do not wait for an answer have theirs in order", async () => {
  const { handle } = createStorageServer(createStorage(), open);
  const server = await startServer(handle);
  onTestFinished(server.stop);
  const socket = connect(server.port, "127.0.0.1");
  const get = "GET /a HTTP/1.1\r\nhost: x\r\n";
  socket.write(
    `PUT /a HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\nnew${get}connection: close\r\n\r\n`,
  );
  const [written, read] = (await text(socket)).match(/HTTP\/1\.1 \d+/g);
  expect(written).toBe("HTTP/1.1 200");
  expect(["HTTP/1.1 200", "HTTP/1.1 404"]).toContain(read);
});

test("what a parser before it has read of a body is the body", async () => {
  const storage = createStorage();
  const { handle } = createStorageServer(storage, open);
  const bodies = {
    text: { body: "text" },
    bytes: { body: Buffer.from("bytes") },
    json: { body: { a: 1 } },
    raw: { rawBody: Buffer.from("raw"), body: { parsed: true } },
    // A parser of JSON leaves this behind where it is not asked.
    unread: { body: {} },
  };
  const server = await startServer((request, response) => {
    Object.assign(request, bodies[request.url.slice(1)]);
    return handle(request, response);
  });
  onTestFinished(server.stop);
  for (const key of Object.keys(bodies)) {
    const body = key === "unread" ? "sent" : undefined;
    expect((await fetch(`${server.url}/${key}`, { method: "PUT", body })).status).toBe(200);
  }
  expect(await storage.getItems(Object.keys(bodies))).toEqual([
    { key: "text", value: "text" },
    { key: "bytes", value: "bytes" },
    { key: "json", value: { a: 1 } },
    { key: "raw", value: "raw" },
    { key: "unread", value: "sent" },
  ]);
});

test.each(["throws", "returns"])("authorize may answer by itself, and %s then", async (way) => {
  const storage = createStorage();
  const { handle } = createStorageServer(storage, {
    authorize({ event }) {
      event.node.res.writeHead(302, { location: "/login" }).end();
      if (way === "throws") throw new Error("no");
    },
  });
  const server = await startServer(handle);
  onTestFinished(server.stop);
  const request = { method: "PUT", body: "1", redirect: "manual" };
  const response = await fetch(`${server.url}/a`, request);
  expect(response.status).toBe(302);
  expect(await storage.hasItem("a")).toBe(false);
});
