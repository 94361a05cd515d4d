/** That ours and unstorage's drivers say the same to unstorage's servers, and hear the same. */
import { createStorage } from "rustorage";
import http from "rustorage/drivers/http";
import * as two from "unstorage";
import http2 from "unstorage/drivers/http";
import * as one from "unstorage-v1";
import http1 from "unstorage-v1/drivers/http";
import { describe, expect, onTestFinished, test } from "vitest";
import { serveAnswers } from "../../servers/answers.js";
import { startServer } from "../../servers/storage.js";
import { unstorageHandle } from "../../servers/unstorage.js";

const VERSIONS = [
  [1, one, http1],
  [2, two, http2],
];

async function serve(version, library, options) {
  const kept = library.createStorage();
  const handle = unstorageHandle(kept, options, version);
  const requests = [];
  const server = await startServer((request, response) => {
    requests.push(request);
    return handle(request, response);
  });
  onTestFinished(() => server.stop());
  return { ...server, kept, requests };
}

describe.each(VERSIONS)("with the server of unstorage %i", (version, library, theirHttp) => {
  const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);

  test("null as a raw value is an empty body", async () => {
    const bodies = [];
    const service = await serveAnswers((request, response) => {
      bodies.push([request.headers["content-type"], String(request.body)]);
      response.end();
    });
    for (const driver of [theirHttp({ base: service.url }), http({ base: service.url })]) {
      await library.createStorage({ driver }).setItemRaw("a", null);
      await createStorage({ driver }).setItemRaw("a", null);
    }
    expect(bodies).toEqual(Array(4).fill(["application/octet-stream", ""]));
  });

  test("each driver reads what the other wrote", async () => {
    const { url, kept } = await serve(version, library);
    const ours = createStorage({ driver: http({ base: url }) });
    const theirs = library.createStorage({ driver: theirHttp({ base: url }) });
    for (const [from, to] of [
      [ours, theirs],
      [theirs, ours],
    ]) {
      await from.setItem("object", { a: [1, "é"] });
      await from.setItem("text:of:segments", "😀 text");
      await from.setItem("odd: key 100%&é'()*!~", 1);
      await from.setItemRaw("bytes", bytes);
      await from.setMeta("object", { kept: true, mtime: new Date(0) });
      expect(await to.getItem("object")).toEqual({ a: [1, "é"] });
      expect(await to.getItem("text:of:segments")).toBe("😀 text");
      expect(await to.getItem("odd: key 100%&é'()*!~")).toBe(1);
      expect(Buffer.from(await to.getItemRaw("bytes")).equals(bytes)).toBe(true);
      expect(await to.getMeta("object")).toMatchObject({ kept: true, mtime: new Date(0) });
      expect((await to.getKeys()).sort()).toEqual((await from.getKeys()).sort());
      expect(await to.getKeys("text")).toEqual(["text:of:segments"]);
      expect(await to.hasItem("object")).toBe(true);
      expect(await to.hasItem("none")).toBe(false);
      expect(await to.getItem("none")).toBe(null);
      await to.removeItem("object", { removeMeta: true });
      await to.clear();
      expect(await kept.getKeys()).toEqual([]);
      expect(await kept.getItem("object$")).toBe(null);
    }
  });

  test("they ask in the same words", async () => {
    const { url, requests } = await serve(version, library);
    const options = { base: `${url}/api/`, headers: { "x-app": "a", authorization: "Bearer b" } };
    const own = { headers: { "x-app": "call" }, ttl: 60 };
    const said = async (storage) => {
      requests.length = 0;
      await storage.setItem("a b:c", "text", own);
      await storage.setItemRaw("raw", bytes);
      await storage.getItem("a b:c");
      await storage.getItemRaw("raw");
      await storage.hasItem("a b:c", own);
      await storage.getMeta("a b:c", { nativeOnly: true });
      await storage.removeItem("a b:c");
      await storage.getKeys();
      await storage.clear();
      return requests.map(({ method, url: path, headers }) => ({
        method,
        // Both are the same base to a server.
        path: path.replace("/:", ":"),
        // Version 1 calls every text JSON.
        accept: version === 1 ? undefined : headers.accept,
        type: version === 1 ? undefined : headers["content-type"],
        ttl: method === "PUT" ? headers["x-ttl"] : undefined,
        app: headers["x-app"],
        authorization: headers.authorization,
      }));
    };
    const theirs = await said(library.createStorage({ driver: theirHttp(options) }));
    expect(await said(createStorage({ driver: http(options) }))).toEqual(theirs);
  });

  test("native metadata", async () => {
    const { url, kept } = await serve(version, library);
    const driver = http({ base: url });
    await kept.setItem("foo", 1);
    await kept.setMeta("foo", { mtime: new Date(1e12), ttl: 7 });
    expect(await driver.getMeta("foo")).toEqual({ status: 200, mtime: new Date(1e12), ttl: 7 });
    const none = { status: undefined, mtime: undefined, ttl: undefined };
    expect(await driver.getMeta("none")).toEqual(none);
  });

  test("clear removes what is under its base, and no more", async () => {
    const { url, kept } = await serve(version, library);
    const storage = createStorage().mount("far", http({ base: url }));
    for (const key of ["a", "a:b", "a:c:d", "ab:c"]) await kept.setItem(key, key);
    await kept.setMeta("a:b", { of: "a:b" });
    await storage.clear("far:a");
    expect((await kept.getKeys()).sort()).toEqual(["a", "ab:c"]);
    expect(await kept.getItem("a:b$")).toBe(null);
    await kept.setItem("a:b", 1);
    storage.mount("far:a:b", http({ base: `${url}/elsewhere` }));
    await kept.setItem("a:b:hidden", 1);
    await kept.setItem("a:seen", 1);
    await storage.clear("far:a");
    expect((await kept.getKeys()).sort()).toEqual(["a", "a:b:hidden", "ab:c"]);
  });

  test("a server that asks for authority", async () => {
    const { url } = await serve(version, library, {
      authorize({ request, event }) {
        const headers = request?.headers ?? new Headers(event.node.req.headers);
        if (headers.get("authorization") === "Bearer s3cret-token") return;
        throw Object.assign(new Error("not with s3cret-guess"), { statusCode: 401 });
      },
    });
    const headers = { authorization: "Bearer s3cret-token" };
    const allowed = createStorage({ driver: http({ base: url, headers }) });
    await allowed.setItem("a", 1);
    expect(await allowed.getItem("a")).toBe(1);
    const denied = createStorage({
      driver: http({ base: url, headers: { authorization: "Bearer s3cret-guess" } }),
    });
    for (const call of ["getItem", "hasItem", "getKeys", "getMeta", "removeItem", "clear"]) {
      const error = await denied[call]("a").catch((error) => error);
      expect(error).toMatchObject({ code: "UNAUTHORIZED", status: 401, driver: "http" });
      expect(error.message).toContain(`${url}: 401 Unauthorized`);
      expect(error.message).not.toContain("s3cret");
    }
    expect(await denied.getItem("a", { headers })).toBe(1);
    expect(await denied.getItems([{ key: "a", options: { headers } }])).toEqual([
      { key: "a", value: 1 },
    ]);
  });
});

test("ttl in seconds, and a negative one", async () => {
  const { url, kept } = await serve(2, two);
  const storage = createStorage({ driver: http({ base: url }) });
  await storage.setItem("short", 1, { ttl: 0.05 });
  expect(await kept.getItem("short")).toBe(1);
  await expect.poll(() => kept.getItem("short")).toBe(null);
  await storage.setItem("over", 1);
  await storage.setItem("over", 2, { ttl: -1 });
  expect(await kept.hasItem("over")).toBe(false);
});
