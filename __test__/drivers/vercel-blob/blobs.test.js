/** What the driver of Vercel Blob stores and asks, and that unstorage's read it, and the other way round. */
import { createStorage } from "rustorage";
import vercelBlob from "rustorage/drivers/vercel-blob";
import { createStorage as createStorage2 } from "unstorage";
import theirs2 from "unstorage/drivers/vercel-blob";
import { createStorage as createStorage1 } from "unstorage-v1";
import theirs1 from "unstorage-v1/drivers/vercel-blob";
import { afterAll, afterEach, beforeEach, expect, test, vi } from "vitest";
import { serveAnswers } from "../../servers/answers.js";
import { TOKEN, startVercelBlob } from "../../servers/vercel-blob.js";
import { exchange } from "../exchange.js";

const server = await startVercelBlob();
afterAll(() => server.stop());
// The only way to tell Vercel's client where the API is.
beforeEach(() => vi.stubEnv("VERCEL_BLOB_API_URL", server.options.apiURL));
afterEach(() => vi.unstubAllEnvs());

const open = (options) => createStorage({ driver: vercelBlob({ ...server.options, ...options }) });

const ODD = "odd: é'()*!~+&^{}`<>[]|%25";

test("unstorage 1 and ours read what the other wrote", async () => {
  const { access, token } = server.options;
  const theirs = createStorage1({ driver: theirs1({ access, token, base: "v1:app" }) });
  const ours = open({ base: "v1:app" });
  await exchange(ours, theirs, { odd: ODD, meta: { size: 14 } });
});

test("unstorage 2, whose client reads values from Vercel's own hosts alone, and ours know the same blobs", async () => {
  const { access, token } = server.options;
  const theirDriver = theirs2({ access, token, base: "v2" });
  const theirs = createStorage2({ driver: theirDriver });
  const ours = open({ base: "v2" });
  await theirs.setItem("object", { a: [1, "é"] });
  await theirs.setItemRaw(ODD, Buffer.from([0, 255]));
  expect(await ours.getItem("object")).toEqual({ a: [1, "é"] });
  expect(await ours.getItemRaw(ODD)).toEqual(Buffer.from([0, 255]));
  await ours.setItem("text:of:segments", "😀 text");
  expect(await theirs.hasItem("text:of:segments")).toBe(true);
  expect((await theirs.getKeys()).sort()).toEqual((await ours.getKeys()).sort());
  for (const key of ["object", ODD, "text:of:segments"]) {
    expect({ ...(await ours.getMeta(key)) }).toEqual(await theirDriver.getMeta(key));
  }
  await ours.clear("text");
  await theirs.removeItem(ODD);
  expect(await ours.getKeys()).toEqual(["object"]);
  await ours.clear();
  expect(await theirs.getKeys()).toEqual([]);
});

test("pages, and clear of more than one request removes", async () => {
  const storage = open({ base: "many" });
  const items = Array.from({ length: 1100 }, (_, index) => ({ key: `k:${index}`, value: index }));
  await storage.setItems([...items, { key: "kept", value: 1 }, { key: "k2", value: 1 }]);
  expect(await storage.getItems(items.map(({ key }) => key))).toEqual(items);
  expect(await storage.getKeys("k")).toHaveLength(1100);
  await storage.clear("k");
  expect((await storage.getKeys()).sort()).toEqual(["k2", "kept"]);
});

test("getMeta tells what Vercel tells, and of what is not there nothing", async () => {
  const storage = open({ base: "meta" });
  await storage.setItem("a.json", "{}", { headers: { "x-cache-control-max-age": "60" } });
  const meta = await storage.getMeta("a.json");
  expect(meta).toMatchObject({
    size: 2,
    contentType: "application/json",
    cacheControl: "public, max-age=60",
    pathname: "meta/a.json",
    url: expect.stringMatching(/^http:.*\/blob\/teststore\/meta\/a\.json$/),
  });
  expect(meta.mtime).toBeInstanceOf(Date);
  expect(meta.uploadedAt).toEqual(meta.mtime);
  expect(Object.values(await storage.getMeta("none")).every((value) => value === undefined)).toBe(
    true,
  );
});

test("a call's options are kept as unstorage keeps them", async () => {
  const { access, token } = server.options;
  const theirs = { access, token, base: "options" };
  for (const storage of [
    createStorage1({ driver: theirs1(theirs) }),
    createStorage2({ driver: theirs2(theirs) }),
    open({ base: "options" }),
  ]) {
    for (const write of ["setItem", "setItemRaw"]) {
      const metaOf = () => storage.getMeta("a", { nativeOnly: true });
      await storage[write]("a", "1", { contentType: "image/png", cacheControlMaxAge: 90 });
      const meta = await metaOf();
      expect(meta).toMatchObject({
        contentType: "image/png",
        cacheControl: "public, max-age=90",
        pathname: "options/a",
      });
      await expect(storage[write]("a", "2", { allowOverwrite: false })).rejects.toThrow();
      await expect(storage[write]("a", "2", { ifMatch: `"other"` })).rejects.toThrow();
      expect((await metaOf()).etag).toBe(meta.etag);
      await storage[write]("a", "3", { ifMatch: meta.etag });
      expect((await metaOf()).etag).not.toBe(meta.etag);
      await storage[write]("a", "4", { allowOverwrite: true, contentType: null });
      expect((await metaOf()).contentType).toBe("application/octet-stream");
      await storage.clear();
    }
  }
});

test("a call's options reach the API, and its headers go over them", async () => {
  const service = await serveAnswers((_, response) => response.end("{}"));
  const storage = open({ apiURL: service.url });
  const options = { access: "private", addRandomSuffix: true, cacheControlMaxAge: 60 };
  await storage.setItem("a", "1", options);
  await storage.setItem("a", "1", { ...options, headers: { "X-Cache-Control-Max-Age": "70" } });
  await storage.setItems([{ key: "a", value: "1" }], { allowOverwrite: false });
  const [first, second, third] = service.requests.map(({ headers }) => headers);
  expect(first).toMatchObject({
    "x-vercel-blob-access": "private",
    "x-add-random-suffix": "1",
    "x-allow-overwrite": "1",
    "x-cache-control-max-age": "60",
  });
  expect(second["x-cache-control-max-age"]).toBe("70");
  expect(third["x-allow-overwrite"]).toBe("0");
});

test.each([
  [{ ifMatch: "x", allowOverwrite: false }, "`ifMatch` overwrites, which `allowOverwrite` forbids"],
  [{ allowOverwrite: "no" }, "`allowOverwrite` must be a boolean"],
  [{ cacheControlMaxAge: -1 }, "`cacheControlMaxAge` must be a whole number, and not below 0"],
  [{ access: "open" }, "`access` must be `public` or `private`"],
  [{ contentType: "a\nb" }, "`contentType` must be what a header can have"],
  [{ token: "vercel_blob_rw_b_s3cret" }, "`token` is one of the driver, not of a call"],
  [{ storeId: "b" }, "`storeId` is one of the driver, not of a call"],
  [{ optimizeImage: { width: 1 } }, "`optimizeImage` is not known here"],
])("a call's options that are refused before anything is sent: %#", async (options, cause) => {
  const storage = open({ apiURL: "http://127.0.0.1:1" });
  const error = await storage.setItem("a", "1", options).catch((error) => error);
  expect(error).toMatchObject({
    code: "INVALID_OPTIONS",
    operation: "setItem",
    message: expect.stringContaining(cause),
  });
  expect(error.message).not.toContain("s3cret");
});

test("a write with a condition is made once, as what is there may be what it wrote", async () => {
  const service = await serveAnswers((request) => request.socket.destroy());
  const storage = open({ apiURL: service.url });
  for (const options of [{ allowOverwrite: false }, { ifMatch: `"e"` }]) {
    const before = service.requests.length;
    await expect(storage.setItem("a", "1", options)).rejects.toMatchObject({ code: "ECONNRESET" });
    expect(service.requests.length - before).toBe(1);
  }
  const before = service.requests.length;
  await expect(storage.setItem("a", "1")).rejects.toMatchObject({ code: "ECONNRESET" });
  expect(service.requests.length - before).toBeGreaterThan(1);
});

test("values are read at the store's own host, by who has the token", async () => {
  const service = await serveAnswers((_, response) => response.end("1"));
  const storage = open({ access: "private", apiURL: service.url, blobURL: `${service.url}/blobs` });
  expect(await storage.getItem("a b:c")).toBe(1);
  await storage.setItem("a b:c", 1);
  const [read, written] = service.requests;
  expect([read.url, read.headers.authorization]).toEqual(["/blobs/a%20b/c", `Bearer ${TOKEN}`]);
  expect(written.url).toBe("/?pathname=a%20b%2Fc");
  expect(written.headers).toMatchObject({
    authorization: `Bearer ${TOKEN}`,
    "x-api-version": "12",
    "x-vercel-blob-store-id": "teststore",
    "x-vercel-blob-access": "private",
    "x-add-random-suffix": "0",
    "x-allow-overwrite": "1",
  });
});

test("the token and the API are looked for in the environment with the first call", async () => {
  const service = await serveAnswers((_, response) => response.end(`{"blobs":[]}`));
  const storage = createStorage()
    .mount("a", vercelBlob({ access: "public" }))
    .mount("b", vercelBlob({ access: "public", envPrefix: "OTHER" }));
  vi.stubEnv("VERCEL_BLOB_API_URL", service.url);
  vi.stubEnv("BLOB_READ_WRITE_TOKEN", "vercel_blob_rw_one_s3cret");
  vi.stubEnv("OTHER_READ_WRITE_TOKEN", "vercel_blob_rw_two_s3cret");
  expect([await storage.getKeys("a"), await storage.getKeys("b")]).toEqual([[], []]);
  const stores = service.requests.map(({ headers }) => headers["x-vercel-blob-store-id"]);
  expect(stores).toEqual(["one", "two"]);
  const missing = createStorage().mount("c", vercelBlob({ access: "public", envPrefix: "NONE" }));
  await expect(missing.getItem("c:a")).rejects.toThrow("NONE_READ_WRITE_TOKEN in the environment");
});

test("what Vercel refuses is told, with its words and without the token", async () => {
  const token = "vercel_blob_rw_x_";
  const storage = open({ token });
  for (const call of ["setItem", "hasItem", "removeItem", "getKeys", "clear", "getMeta"]) {
    const error = await storage[call]("a", 1).catch((error) => error);
    expect(error).toMatchObject({ code: "FORBIDDEN", status: 403, driver: "vercel-blob" });
    expect(error.message).toContain("403 Forbidden: Access denied");
  }
  const { url } = await serveAnswers((request, response) => {
    const said = { message: `who is ${request.headers.authorization}?` };
    response.writeHead(403).end(JSON.stringify({ error: said }));
  });
  const echoed = open({ apiURL: url, blobURL: url });
  for (const call of ["getItem", "setItem", "hasItem", "removeItem", "getKeys", "clear"]) {
    const error = await echoed[call]("a", 1).catch((error) => error);
    expect(error.message).toMatch(/403 Forbidden: who is .*\*\*\*\?/);
    expect(error.message).not.toContain("s3cret");
  }
});

test("a write to where nothing may be is not tried again, as it may have been made", async () => {
  const { url, requests } = await serveAnswers((request) => request.socket.resetAndDestroy());
  const storage = open({ apiURL: url });
  for (const headers of [{ "x-allow-overwrite": "0" }, { "x-if-match": '"e"' }]) {
    const call = storage.setItem("a", 1, { headers });
    await expect(call).rejects.toMatchObject({ code: "ECONNRESET" });
  }
  expect(requests).toHaveLength(2);
});

test("a store that is not there is no miss", async () => {
  const { url } = await serveAnswers((_, response) => {
    response.writeHead(404).end(`{"error":{"code":"store_not_found","message":"no store"}}`);
  });
  const storage = open({ apiURL: url, blobURL: url });
  for (const call of ["getItem", "getItemRaw", "hasItem", "getMeta", "getKeys"]) {
    await expect(storage[call]("a")).rejects.toMatchObject({ code: "NOT_FOUND", status: 404 });
  }
  await expect(storage.getItems(["a"])).rejects.toMatchObject({ code: "NOT_FOUND", status: 404 });
});

test("a removal of many is tried again, and an API that says nothing is given up", async () => {
  const busy = await serveAnswers((request, response) => {
    if (request.method === "POST" && busy.requests.length === 2) response.writeHead(503).end();
    else response.end(`{"blobs":[{"pathname":"a"},{"pathname":"b"}]}`);
  });
  await open({ apiURL: busy.url }).clear();
  expect(busy.requests.map(({ method, url }) => `${method} ${url}`)).toEqual([
    "GET /",
    "POST /delete",
    "POST /delete",
  ]);
  expect(JSON.parse(busy.requests[2].body)).toEqual({ urls: ["a", "b"] });
  const mute = await serveAnswers(() => undefined);
  const limits = { timeout: 100 };
  const storage = open({ apiURL: mute.url, blobURL: mute.url, limits });
  for (const call of [
    () => storage.setItem("a", 1),
    () => storage.getKeys(),
    () => storage.getItem("a"),
  ]) {
    await expect(call()).rejects.toMatchObject({ code: "ETIMEDOUT" });
  }
});

test.each([1, 2, 2000])(
  "a listing that does not go on is an error, with %i cursors in turn",
  async (cursors) => {
    const { url, requests } = await serveAnswers((_, response, count) => {
      response.setHeader("x-vercel-id", "7");
      response.end(JSON.stringify({ blobs: [], cursor: String(count % cursors) }));
    });
    const error = { code: "EPROTO", status: 200, requestId: "7" };
    await expect(open({ apiURL: url }).getKeys()).rejects.toMatchObject(error);
    // A thousand pages may hold nothing.
    expect(requests).toHaveLength(Math.min(cursors, 1000) + 1);
  },
);

test.each(["<html>", "{}"])("a listing that is none: %s", async (text) => {
  const { url } = await serveAnswers((_, response) => response.end(text));
  await expect(open({ apiURL: url }).getKeys()).rejects.toMatchObject({ code: "EPROTO" });
});

test("keys that make no pathname are refused before anything is sent", async () => {
  const options = { ...server.options, apiURL: "http://127.0.0.1:1", base: "app" };
  const driver = vercelBlob(options);
  for (const call of [
    createStorage({ driver }).getItem("x".repeat(947)),
    driver.getItem("a:..:b"),
    driver.removeItem(""),
  ]) {
    await expect(call).rejects.toMatchObject({ code: "INVALID_KEY" });
  }
});

test.each([
  [{ access: undefined }, "`access` is required, and must be `public` or `private`"],
  [{ access: "open" }, "`access` must be `public` or `private`"],
  [{ token: "s3cret" }, "`token` must be a store's read-write token"],
  [{ token: "vercel_blob_rw_a/b_s3cret" }, "`token` must be a store's read-write token"],
  [{ base: "a:.." }, "`base` must have no `.` or `..` segment"],
  [{ apiURL: "host" }, "`apiURL` must be a URL"],
  [{ blobURL: "host" }, "`blobURL` must be a URL"],
])("options %j are refused", (options, cause) => {
  const create = () => vercelBlob({ ...server.options, ...options });
  expect(create).toThrow(cause);
  expect(create).not.toThrow("s3cret");
});
