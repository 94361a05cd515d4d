/** What the servers answer, each of the three alike. */
import { createStorage } from "rustorage";
import fs from "rustorage/drivers/fs";
import { createHash } from "node:crypto";
import { describe, expect, test, vi } from "vitest";
import { mapDriver } from "../conformance/map-driver.js";
import { SERVERS } from "./serving.js";
import { folder } from "../folder.js";

const RAW = "application/octet-stream";
const open = { authorize: () => {} };

describe.each(Object.keys(SERVERS))("%s", (name) => {
  const origin = name === "createStorageHandler" ? "request" : "event";

  async function serving(options = open, storage = createStorage()) {
    return { storage, ask: await SERVERS[name](storage, options) };
  }

  /** The status and the text of an answer. */
  async function answer(response) {
    return [response.status, await response.text()];
  }

  test("GET gives an item as text, and 404 for none", async () => {
    const { storage, ask } = await serving();
    await storage.setItem("a:b", "text");
    await storage.setItem("a:c", { d: [1] });
    await storage.setItem("n", 7);
    const response = await ask("/a/b");
    expect(await answer(response)).toEqual([200, "text"]);
    expect(response.headers.get("content-type")).toBe("text/plain;charset=UTF-8");
    expect(response.headers.get("content-length")).toBe("4");
    expect(response.headers.get("x-content-type-options")).toBe("nosniff");
    expect(response.headers.get("cache-control")).toBe("no-cache");
    expect(await answer(await ask("/a:c"))).toEqual([200, '{"d":[1]}']);
    expect(await answer(await ask("/n?query"))).toEqual([200, "7"]);
    const missing = await ask("/none");
    expect(missing.statusText).toBe("KV value not found");
    expect(await missing.json()).toEqual({
      status: 404,
      statusCode: 404,
      statusText: "KV value not found",
      statusMessage: "KV value not found",
      message: "KV value not found",
    });
  });

  test("a path is percent-decoded, once", async () => {
    const { storage, ask } = await serving();
    for (const key of ["a b", "ü€😀", "50%", "%2541", "a#b", "a%b:c"]) {
      const path = `/${key.split(":").map(encodeURIComponent).join("/")}`;
      expect(await answer(await ask(path, { method: "PUT", body: key }))).toEqual([200, "OK"]);
      expect(await storage.getItem(key)).toBe(key);
      expect(await answer(await ask(path))).toEqual([200, key]);
    }
    await storage.setItem("x:y", 1);
    expect(await answer(await ask("/x%2Fy"))).toEqual([200, "1"]);
    expect(await answer(await ask("/x%5Cy"))).toEqual([200, "1"]);
  });

  test.each(["/..%2Fb", "/a%2F.", "/%E0%A4", "/%", "/%zz", "/%3Fa", "/b%3Fc", "/a:..:b"])(
    "%s is no key: 400, and nothing is done",
    async (path) => {
      const { storage, ask } = await serving();
      await storage.setItem("b", "kept");
      for (const method of ["GET", "PUT", "DELETE"]) {
        const response = await ask(path, { method, body: method === "PUT" ? "new" : undefined });
        expect([response.status, (await response.json()).message]).toEqual([400, "Invalid key"]);
      }
      expect(await storage.getKeys()).toEqual(["b"]);
      expect(await storage.getItem("b")).toBe("kept");
    },
  );

  test("a key that the driver cannot hold is the client's affair, and so is a value that is too large", async () => {
    const { storage, ask } = await serving();
    storage.mount("files", fs({ base: folder() }));
    expect((await ask("/files/a%00b")).status).toBe(400);
    expect((await ask(`/files/${"x".repeat(300)}`, { method: "PUT", body: "1" })).status).toBe(400);
    const { default: memory } = await import("rustorage/drivers/memory");
    storage.mount("small", memory({ maxBytes: 20 }));
    const response = await ask("/small/a", { method: "PUT", body: "x".repeat(50) });
    expect(response.status).toBe(413);
  });

  test("HEAD tells whether there is an item, and reads no value", async () => {
    const { storage, ask } = await serving();
    await storage.setItem("a", "1");
    const getItem = vi.spyOn(storage, "getItem");
    const response = await ask("/a", { method: "HEAD" });
    expect(await answer(response)).toEqual([200, ""]);
    expect(getItem.mock.calls.filter(([key]) => key === "a")).toEqual([]);
    const missing = await ask("/b", { method: "HEAD" });
    expect(await answer(missing)).toEqual([404, ""]);
    expect((await ask("/a/", { method: "HEAD" })).status).toBe(400);
  });

  test("the text null is an item to HEAD, and none to GET", async () => {
    const { storage, ask } = await serving();
    await ask("/a", { method: "PUT", body: "null" });
    expect(await storage.getItem("a")).toBe(null);
    expect((await ask("/a")).status).toBe(404);
    expect((await ask("/a", { method: "HEAD" })).status).toBe(200);
    expect(await answer(await ask("/a", { headers: { accept: RAW } }))).toEqual([200, "null"]);
    expect(await (await ask("/")).json()).toEqual(["a"]);
  });

  test("metadata is in the headers, and x-ttl with PUT is an item's life", async () => {
    const { storage, ask } = await serving();
    const mtime = new Date("2024-03-01T10:00:00.500Z");
    await storage.setItem("a", "1");
    await storage.setMeta("a", { mtime, ttl: 60.9 });
    for (const method of ["GET", "HEAD"]) {
      const { headers } = await ask("/a", { method });
      expect(headers.get("last-modified")).toBe("Fri, 01 Mar 2024 10:00:00 GMT");
      expect(headers.get("x-ttl")).toBe("60.9");
      expect(headers.get("cache-control")).toBe("max-age=60");
    }
    const setItem = vi.spyOn(storage, "setItem");
    const setItemRaw = vi.spyOn(storage, "setItemRaw");
    await ask("/b", { method: "PUT", body: "1", headers: { "x-ttl": "30" } });
    expect(setItem).toHaveBeenLastCalledWith("b", "1", { ttl: 30 });
    await ask("/c", { method: "PUT", body: "1", headers: { "x-ttl": "30", "content-type": RAW } });
    expect(setItemRaw).toHaveBeenLastCalledWith("c", new Uint8Array([49]), { ttl: 30 });
    await ask("/d", { method: "PUT", body: "1", headers: { "x-ttl": "-1" } });
    expect(await storage.hasItem("d")).toBe(false);
    const refused = await ask("/e", { method: "PUT", body: "1", headers: { "x-ttl": "soon" } });
    expect(await answer(refused)).toEqual([400, expect.stringContaining("x-ttl")]);
    expect(await storage.hasItem("e")).toBe(false);
  });

  test.each(["1\n2", "é\u2028", { a: 1 }, [], "soon", 1e308])(
    "metadata of any kind does no harm: ttl %j",
    async (ttl) => {
      const { ask } = await serving();
      await ask("/a", { method: "PUT", body: "1" });
      await ask("/a$", { method: "PUT", body: JSON.stringify({ ttl }) });
      for (const method of ["GET", "HEAD"]) {
        const { status, headers } = await ask("/a", { method });
        expect(status).toBe(200);
        expect(headers.get("cache-control")).toBe(
          ttl === 1e308 ? "max-age=2147483648" : "no-cache",
        );
      }
    },
  );

  test("a date that is none is no header", async () => {
    const { storage, ask } = await serving();
    await storage.setItem("a", "1");
    await storage.setMeta("a", { mtime: "yesterday" });
    const response = await ask("/a");
    expect([response.status, response.headers.get("last-modified")]).toEqual([200, null]);
  });

  test("PUT writes text, an empty one too", async () => {
    const { storage, ask } = await serving();
    await ask("/a", { method: "PUT", body: '{"b":1}' });
    expect(await storage.getItem("a")).toEqual({ b: 1 });
    await ask("/a", { method: "PUT", body: "" });
    expect(await storage.getItem("a")).toBe("");
    expect((await ask("/a/", { method: "PUT", body: "1" })).status).toBe(400);
    expect(await storage.getKeys()).toEqual(["a"]);
  });

  test.each([
    RAW,
    `${RAW}; charset=binary`,
    "Application/Octet-Stream ;x=1",
    `text/plain;q=0.1, ${RAW}`,
  ])("raw values by the type %s", async (type) => {
    const { storage, ask } = await serving();
    const bytes = Uint8Array.from({ length: 256 }, (_, byte) => byte);
    const written = await ask("/a", {
      method: "PUT",
      body: bytes,
      headers: { "content-type": type },
    });
    expect(written.status).toBe(200);
    expect(await storage.getItemRaw("a")).toEqual(bytes);
    const response = await ask("/a", { headers: { accept: type } });
    expect(response.headers.get("content-type")).toBe(RAW);
    expect(new Uint8Array(await response.arrayBuffer())).toEqual(bytes);
  });

  test("what only resembles the raw type is text", async () => {
    const { storage, ask } = await serving();
    await storage.setItem("a", { b: 1 });
    for (const accept of [`${RAW}x`, "*/*", `${RAW};q=0`, "application/*"]) {
      const { headers } = await ask("/a", { headers: { accept } });
      expect(headers.get("content-type")).toBe("text/plain;charset=UTF-8");
    }
  });

  test("a raw value of any kind is served, as text too", async () => {
    const { storage, ask } = await serving();
    const values = {
      text: "text",
      buffer: Buffer.from("text"),
      view: new DataView(new TextEncoder().encode("(text)").buffer, 1, 4),
      "array-buffer": new TextEncoder().encode("text").buffer,
      blob: new Blob(["te", "xt"]),
    };
    for (const [key, value] of Object.entries(values)) {
      await storage.setItemRaw(key, value);
      const response = await ask(`/${key}`, { headers: { accept: RAW } });
      expect([key, ...(await answer(response))]).toEqual([key, 200, "text"]);
      expect([key, ...(await answer(await ask(`/${key}`)))]).toEqual([key, 200, "text"]);
    }
    await storage.setItemRaw("object", { a: 1 });
    expect(await answer(await ask("/object", { headers: { accept: RAW } }))).toEqual([
      200,
      '{"a":1}',
    ]);
  });

  test("a stream is passed on as it comes", async () => {
    const storage = createStorage();
    const pulled = vi.fn();
    const stream = () =>
      new ReadableStream(
        {
          pull(controller) {
            pulled();
            controller.enqueue(new Uint8Array(65_536));
            if (pulled.mock.calls.length >= 8) controller.close();
          },
        },
        { highWaterMark: 0 },
      );
    storage.mount("s", { ...mapDriver(), getItemRaw: stream });
    const { ask } = await serving(open, storage);
    const response = await ask("/s/a", { headers: { accept: RAW } });
    expect(response.headers.get("etag")).toBe(null);
    expect((await response.arrayBuffer()).byteLength).toBe(8 * 65_536);
  });

  test("a stream that is not sent is let go", async () => {
    const cancel = vi.fn();
    const getItemRaw = () => new ReadableStream({ cancel });
    const storage = createStorage({ driver: { ...mapDriver(), getItemRaw } });
    const { ask } = await serving(open, storage);
    const asked = (method, condition) =>
      ask("/a", {
        method,
        headers: { accept: RAW, "content-type": RAW, ...condition },
        body: method === "PUT" ? "new" : undefined,
      });
    expect((await asked("GET", { "if-none-match": "*" })).status).toBe(304);
    expect((await asked("HEAD", { "if-none-match": '"x"' })).status).toBe(200);
    expect((await asked("PUT", { "if-match": '"x"' })).status).toBe(412);
    expect((await asked("DELETE", { "if-match": "*" })).status).toBe(200);
    expect(cancel).toHaveBeenCalledTimes(4);
  });

  test("a path that ends in / or : lists what is under it, and DELETE clears it", async () => {
    const { storage, ask } = await serving();
    for (const key of ["a:b", "a:c:d", "ab", "e"]) await storage.setItem(key, 1);
    await storage.setMeta("a:b", { x: 1 });
    const list = await ask("/a/");
    expect(list.headers.get("content-type")).toBe("application/json;charset=UTF-8");
    expect(await list.json()).toEqual(["a/b", "a/c/d"]);
    for (const path of ["/", "/:", "/?query"]) {
      expect(await (await ask(path)).json()).toEqual(["a/b", "a/c/d", "ab", "e"]);
    }
    expect(await answer(await ask("/a:", { method: "DELETE" }))).toEqual([200, "OK"]);
    expect(await storage.getKeys()).toEqual(["ab", "e"]);
    expect(await storage.hasItem("a:b$")).toBe(false);
    await ask("/ab", { method: "DELETE" });
    expect(await storage.getKeys()).toEqual(["e"]);
    await ask("/", { method: "DELETE" });
    expect(await storage.getKeys()).toEqual([]);
  });

  test("$ keys are served, and not listed", async () => {
    const { storage, ask } = await serving();
    await ask("/a$", { method: "PUT", body: '{"mtime":"2024-03-01T10:00:00Z"}' });
    await ask("/a", { method: "PUT", body: "1" });
    expect(await answer(await ask("/a$"))).toEqual([200, '{"mtime":"2024-03-01T10:00:00Z"}']);
    expect((await ask("/a")).headers.get("last-modified")).toBe("Fri, 01 Mar 2024 10:00:00 GMT");
    expect(await (await ask("/")).json()).toEqual(["a"]);
    expect(await storage.hasItem("a$")).toBe(true);
  });

  test.each(["POST", "PATCH", "OPTIONS", "PROPFIND"])("%s is no method of it", async (method) => {
    const { ask } = await serving();
    const response = await ask("/a", { method });
    expect([response.status, response.headers.get("allow")]).toEqual([
      405,
      "GET, HEAD, PUT, DELETE",
    ]);
  });

  describe("conditions", () => {
    test("an ETag is of what is sent, and If-None-Match saves sending it again", async () => {
      const { storage, ask } = await serving();
      await storage.setItem("a", "one");
      const first = await ask("/a");
      const etag = first.headers.get("etag");
      expect(etag).toMatch(/^"[\w-]+"$/);
      for (const value of [etag, `W/${etag}`, `"x", ${etag}`, "*"]) {
        const again = await ask("/a", { headers: { "if-none-match": value } });
        expect(await answer(again)).toEqual([304, ""]);
        expect(again.headers.get("etag")).toBe(etag);
      }
      const head = await ask("/a", { method: "HEAD", headers: { "if-none-match": etag } });
      expect(head.status).toBe(304);
      await storage.setItem("a", "two");
      const changed = await ask("/a", { headers: { "if-none-match": etag } });
      expect(await answer(changed)).toEqual([200, "two"]);
      expect(changed.headers.get("etag")).not.toBe(etag);
      const list = await ask("/");
      const unchanged = await ask("/", { headers: { "if-none-match": list.headers.get("etag") } });
      expect(unchanged.status).toBe(304);
    });

    test.each([1, 1_500_000])(
      "the ETag of %i characters is that of their bytes, as text and raw",
      async (length) => {
        const { storage, ask } = await serving();
        const text = "é".repeat(length);
        await storage.setItem("text", text);
        await storage.setItemRaw("raw", Buffer.from(text));
        const hash = createHash("sha256").update(text).digest();
        const digest = hash.subarray(0, 20).toString("base64url");
        const texts = await ask("/text");
        expect(texts.headers.get("etag")).toBe(`"${digest}"`);
        expect((await texts.text()).length).toBe(text.length);
        const raw = await ask("/raw", { headers: { accept: RAW } });
        expect(raw.headers.get("etag")).toBe(`"${digest}"`);
      },
    );

    test("If-Modified-Since counts where nothing is said about tags", async () => {
      const { storage, ask } = await serving();
      await storage.setItem("a", "1");
      await storage.setMeta("a", { mtime: new Date("2024-03-01T10:00:00.900Z") });
      const status = async (headers) => (await ask("/a", { headers })).status;
      expect(await status({ "if-modified-since": "Fri, 01 Mar 2024 10:00:00 GMT" })).toBe(304);
      expect(await status({ "if-modified-since": "Fri, 01 Mar 2024 09:59:59 GMT" })).toBe(200);
      expect(await status({ "if-modified-since": "not a date" })).toBe(200);
      expect(
        await status({
          "if-modified-since": "Fri, 01 Mar 2024 10:00:00 GMT",
          "if-none-match": '"x"',
        }),
      ).toBe(200);
      expect(await status({ "if-unmodified-since": "Fri, 01 Mar 2024 09:59:59 GMT" })).toBe(412);
      expect(await status({ "if-unmodified-since": "Fri, 01 Mar 2024 10:00:00 GMT" })).toBe(200);
    });

    test("a write with a condition that does not hold is refused", async () => {
      const { storage, ask } = await serving();
      const put = async (headers, body) =>
        (await ask("/a", { method: "PUT", body, headers })).status;
      expect(await put({ "if-match": "*" }, "0")).toBe(412);
      expect(await put({ "if-none-match": "*" }, "1")).toBe(200);
      expect(await put({ "if-none-match": "*" }, "2")).toBe(412);
      const etag = (await ask("/a")).headers.get("etag");
      expect(await put({ "if-match": `W/${etag}` }, "3")).toBe(412);
      expect(await put({ "if-match": etag }, "4")).toBe(200);
      expect(await put({ "if-match": etag }, "5")).toBe(412);
      expect(await storage.getItem("a")).toBe(4);
      const remove = (headers) => ask("/a", { method: "DELETE", headers });
      expect((await remove({ "if-match": etag })).status).toBe(412);
      expect(await storage.hasItem("a")).toBe(true);
      const now = (await ask("/a")).headers.get("etag");
      expect((await remove({ "if-match": now })).status).toBe(200);
      expect(await storage.hasItem("a")).toBe(false);
      await storage.setItem("b:c", 1);
      const cleared = await ask("/b/", { method: "DELETE", headers: { "if-match": "*" } });
      expect(cleared.status).toBe(400);
      expect(await storage.hasItem("b:c")).toBe(true);
    });

    test("of writes with the same condition one holds", async () => {
      const storage = createStorage({ driver: fs({ base: folder() }) });
      const { ask } = await serving(open, storage);
      for (let round = 0; round < 5; round++) {
        const etag = (await ask("/counter")).headers.get("etag");
        const condition = etag === null ? { "if-none-match": "*" } : { "if-match": etag };
        const answers = await Promise.all(
          Array.from({ length: 10 }, (_, writer) =>
            ask("/counter", { method: "PUT", body: `${round} ${writer}`, headers: condition }),
          ),
        );
        const statuses = answers.map(({ status }) => status).toSorted();
        expect(statuses).toEqual([200, ...Array(9).fill(412)]);
      }
    });
  });

  describe("ranges of raw values", () => {
    test.each([
      ["bytes=0-3", 206, "0123", "bytes 0-3/10"],
      ["bytes=4-", 206, "456789", "bytes 4-9/10"],
      ["bytes=-3", 206, "789", "bytes 7-9/10"],
      ["bytes=-30", 206, "0123456789", "bytes 0-9/10"],
      ["bytes=8-100", 206, "89", "bytes 8-9/10"],
      ["bytes=10-", 416, expect.any(String), "bytes */10"],
      ["bytes=-0", 416, expect.any(String), "bytes */10"],
      ["bytes=3-2", 200, "0123456789", null],
      ["bytes=-", 200, "0123456789", null],
      ["bytes=0-1,4-5", 200, "0123456789", null],
      ["items=0-1", 200, "0123456789", null],
    ])("%s is answered with %s", async (range, status, body, contentRange) => {
      const { storage, ask } = await serving();
      await storage.setItemRaw("a", Buffer.from("0123456789"));
      const response = await ask("/a", { headers: { accept: RAW, range } });
      expect(response.headers.get("content-range")).toBe(contentRange);
      expect(await answer(response)).toEqual([status, body]);
    });

    test("If-Range asks for the whole where it changed; text has no ranges", async () => {
      const { storage, ask } = await serving();
      await storage.setItemRaw("a", Buffer.from("0123456789"));
      const whole = await ask("/a", { headers: { accept: RAW } });
      expect(whole.headers.get("accept-ranges")).toBe("bytes");
      const etag = whole.headers.get("etag");
      const part = (ifRange) =>
        ask("/a", { headers: { accept: RAW, range: "bytes=5-", "if-range": ifRange } });
      expect((await part(etag)).status).toBe(206);
      expect((await part('"other"')).status).toBe(200);
      expect((await part(`W/${etag}`)).status).toBe(200);
      expect((await part("Fri, 01 Mar 2024 10:00:00 GMT")).status).toBe(200);
      await storage.setMeta("a", { mtime: new Date("2024-03-01T10:00:00Z") });
      expect((await part("Fri, 01 Mar 2024 10:00:00 GMT")).status).toBe(206);
      const text = await ask("/a", { headers: { range: "bytes=5-" } });
      expect([text.status, text.headers.get("accept-ranges")]).toEqual([200, null]);
    });
  });

  describe("authorize", () => {
    test("is asked about every request, before anything is done", async () => {
      const asked = [];
      const { ask } = await serving({
        async authorize({ type, key, ...rest }) {
          expect(Object.keys(rest)).toEqual([origin]);
          asked.push([type, key, rest[origin].headers.get("x-user")]);
        },
      });
      const headers = { "x-user": "ada" };
      await ask("/a/b", { headers });
      await ask("/a/b", { method: "HEAD", headers });
      await ask("/a/b", { method: "PUT", body: "1", headers });
      await ask("/a/", { method: "DELETE", headers });
      await ask("/", { headers });
      expect(asked).toEqual([
        ["read", "a:b", "ada"],
        ["read", "a:b", "ada"],
        ["write", "a:b", "ada"],
        ["write", "a:", "ada"],
        ["read", "", "ada"],
      ]);
    });

    test.each([
      [new Error("Unauthorized Read"), 401, "Unauthorized Read"],
      [Object.assign(new Error("no"), { status: 403 }), 403, "no"],
      [Object.assign(new Error("no"), { statusCode: 451 }), 451, "no"],
      [Object.assign(new Error("long"), { statusCode: 403, statusMessage: "short" }), 403, "short"],
      [Object.assign(new Error("no"), { status: 200 }), 500, "no"],
      [Object.assign(new Error("no"), { status: 1e9 }), 500, "no"],
      [new Error("a\r\nset-cookie: b"), 401, "aset-cookie: b"],
      [{ statusCode: 429 }, 429, "Too Many Requests"],
      ["text", 401, "Unauthorized"],
      [undefined, 401, "Unauthorized"],
    ])("%o refuses with %s %s", async (error, status, statusText) => {
      const { storage, ask } = await serving({
        authorize() {
          throw error;
        },
      });
      await storage.setItem("a", "secret");
      for (const method of ["GET", "PUT", "DELETE"]) {
        const response = await ask("/a", { method, body: method === "PUT" ? "new" : undefined });
        expect([response.status, response.statusText]).toEqual([status, statusText]);
        expect(response.headers.get("set-cookie")).toBe(null);
        expect(await response.text()).not.toContain("secret");
      }
      expect(await storage.getItem("a")).toBe("secret");
    });

    test("false refuses, and what was thrown may bring headers", async () => {
      const { ask } = await serving({ authorize: () => false });
      expect((await ask("/a")).status).toBe(401);
      const basic = await serving({
        async authorize() {
          throw Object.assign(new Error("no"), { headers: { "www-authenticate": "Basic" } });
        },
      });
      expect((await basic.ask("/a")).headers.get("www-authenticate")).toBe("Basic");
    });

    test("each cookie that a refusal sets arrives", async () => {
      const headers = new Headers([
        ["set-cookie", "a=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT"],
        ["set-cookie", "b=2"],
        ["x-other", "c"],
        ["x-other", "d"],
      ]);
      const { ask } = await serving({
        authorize() {
          throw Object.assign(new Error("no"), { status: 403, headers });
        },
      });
      const { status, headers: sent } = await ask("/a");
      expect(status).toBe(403);
      expect(sent.getSetCookie()).toEqual(["a=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "b=2"]);
      expect(sent.get("x-other")).toBe("c, d");
    });
  });

  test("resolvePath names the path", async () => {
    const { storage, ask } = await serving({
      ...open,
      resolvePath(given) {
        const url = given.url ?? given.path;
        return /\/kv(\/[^?]*)/.exec(url)?.[1];
      },
    });
    await storage.setItem("a b", "here");
    await storage.setItem("other", "there");
    expect(await answer(await ask("/kv/a%20b"))).toEqual([200, "here"]);
    expect(await answer(await ask("/other"))).toEqual([200, "there"]);
    expect(await (await ask("/kv/")).json()).toEqual(["a b", "other"]);
  });

  test("a body beyond maxBodySize is refused, with a length and without", async () => {
    const { storage, ask } = await serving({ ...open, maxBodySize: 100_000 });
    const body = "x".repeat(100_000);
    expect((await ask("/a", { method: "PUT", body })).status).toBe(200);
    expect((await ask("/b", { method: "PUT", body: `${body}x` })).status).toBe(413);
    const stream = new Blob([body, "x"]).stream();
    const refused = await ask("/c", { method: "PUT", body: stream, duplex: "half" });
    expect(await answer(refused)).toEqual([413, expect.stringContaining("100000 bytes")]);
    const whole = await ask("/d", {
      method: "PUT",
      body: new Blob([body]).stream(),
      duplex: "half",
    });
    expect(whole.status).toBe(200);
    expect(await storage.getKeys()).toEqual(["a", "d"]);
  });

  test("an error of the storage is told the operator, and not the client", async () => {
    const logged = vi.spyOn(console, "error").mockImplementation(() => {});
    const storage = createStorage();
    const failure = new Error("no connection to 10.0.0.1");
    const fails = () => {
      throw failure;
    };
    storage.mount("x", { ...mapDriver(), getItem: fails, getKeys: fails });
    const { ask } = await serving(open, storage);
    const response = await ask("/x/a");
    expect(response.status).toBe(500);
    expect((await response.json()).message).toBe("Internal Server Error");
    expect((await ask("/x/")).status).toBe(500);
    expect(logged.mock.calls).toEqual(Array(2).fill(["[rustorage] [server]", failure]));
  });

  test("options that cannot be are refused at once", async () => {
    const create = (storage, options) => SERVERS[name](storage, options);
    const refusing = (cause) => ({
      code: "INVALID_OPTIONS",
      message: expect.stringContaining(cause),
    });
    await expect(create(createStorage(), { authorise: () => {} })).rejects.toMatchObject(
      refusing("unknown option `authorise`"),
    );
    await expect(create(createStorage(), { authorize: "secret" })).rejects.toMatchObject(
      refusing("`authorize` must be a function"),
    );
    await expect(create(createStorage(), { maxBodySize: -1 })).rejects.toMatchObject(
      refusing("`maxBodySize` must be a number of bytes"),
    );
    await expect(create(createStorage(), null)).rejects.toMatchObject(
      refusing("the options must be an object"),
    );
    await expect(create({})).rejects.toMatchObject(refusing("it takes a storage"));
  });
});
