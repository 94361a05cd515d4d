/** What the driver of Netlify Blobs stores and asks, and that unstorage's read it, and the other way round. */
import { getStore } from "@netlify/blobs";
import { createStorage } from "rustorage";
import netlifyBlobs from "rustorage/drivers/netlify-blobs";
import { createStorage as createStorage2 } from "unstorage";
import theirs2 from "unstorage/drivers/netlify-blobs";
import { createStorage as createStorage1 } from "unstorage-v1";
import theirs1 from "unstorage-v1/drivers/netlify-blobs";
import { afterAll, afterEach, expect, test, vi } from "vitest";
import { serveAnswers } from "../../servers/answers.js";
import { SITE, TOKEN, startNetlifyBlobs } from "../../servers/netlify-blobs.js";
import { exchange } from "../exchange.js";

const server = await startNetlifyBlobs();
afterAll(() => server.stop());
afterEach(() => vi.unstubAllEnvs());

const EDGE = { siteID: SITE, token: TOKEN, edgeURL: server.url, uncachedEdgeURL: server.url };
const API = { siteID: SITE, token: TOKEN, apiURL: server.url };

const open = (options) => createStorage({ driver: netlifyBlobs(options) });

function stubContext(context) {
  const text = Buffer.from(JSON.stringify(context)).toString("base64");
  vi.stubEnv("NETLIFY_BLOBS_CONTEXT", text);
}

test.each([
  ["unstorage 2 at the edge", createStorage2, theirs2, EDGE],
  ["unstorage 2 over the API", createStorage2, theirs2, API],
  ["unstorage 1 at the edge", createStorage1, theirs1, EDGE],
  ["unstorage 1 over the API", createStorage1, theirs1, API],
])("%s and ours read what the other wrote", async (name, create, theirDriver, place) => {
  const options = { ...place, name: `${name}, é` };
  const theirs = create({ driver: theirDriver(options) });
  const ours = open(options);
  await exchange(ours, theirs, { odd: "odd: é'()*!~+&^{}`<>[]|" });
});

test("metadata of Netlify's client is native meta, and a call's headers write it", async () => {
  const packed = `b64;${Buffer.from(`{"label":"é"}`).toString("base64")}`;
  const headers = { "netlify-blobs-metadata": packed, "x-amz-meta-user": packed };
  for (const place of [EDGE, API]) {
    const [client, storage] = [getStore({ ...place, name: "m" }), open({ ...place, name: "m" })];
    await client.set("theirs", "1", { metadata: { deep: [1, { a: "ü" }] } });
    await storage.setItem("ours", "1", { headers });
    await storage.setItem("plain", "1");
    expect((await storage.getMeta("theirs")).metadata).toEqual({ deep: [1, { a: "ü" }] });
    expect((await storage.getMeta("ours")).metadata).toEqual({ label: "é" });
    expect((await client.getMetadata("ours")).metadata).toEqual({ label: "é" });
    expect((await storage.getMeta("plain")).metadata).toEqual({});
    expect((await storage.getMeta("none")).metadata).toBe(undefined);
  }
});

test.each([
  ["at the edge", EDGE],
  ["over the API", API],
])("%s a call's conditions and metadata are kept as unstorage keeps them", async (name, place) => {
  const options = { ...place, name: `options ${name}` };
  const client = getStore({ ...place, name: encodeURIComponent(options.name) });
  const etagOf = async (key) =>
    (await client.list()).blobs.find((blob) => blob.key.endsWith(key)).etag;
  for (const storage of [
    createStorage2({ driver: theirs2(options) }),
    createStorage1({ driver: theirs1(options) }),
    open(options),
  ]) {
    await storage.clear();
    for (const write of ["setItem", "setItemRaw"]) {
      await storage[write](write, "1", { onlyIfNew: true, metadata: { b: 1, a: ["é"] } });
      expect((await storage.getMeta(write)).metadata).toEqual({ b: 1, a: ["é"] });
      expect((await client.getMetadata(write)).metadata).toEqual({ b: 1, a: ["é"] });
      await storage[write](write, "2", { onlyIfNew: true });
      await storage[write](write, "2", { onlyIfMatch: `"other"` });
      expect(await client.get(write)).toBe("1");
      await storage[write](write, "3", { onlyIfMatch: await etagOf(write) });
      expect(await client.get(write)).toBe("3");
      await storage[write](write, "4", { onlyIfNew: false, metadata: null });
      expect(await client.get(write)).toBe("4");
    }
    await storage.setItems([
      { key: "setItem", value: "5", options: { onlyIfNew: true } },
      { key: "more", value: "5", options: { metadata: { a: 5 } } },
    ]);
    expect([await client.get("setItem"), await client.get("more")]).toEqual(["4", "5"]);
    expect((await storage.getMeta("more")).metadata).toEqual({ a: 5 });
    await storage.setItems([{ key: "more", value: "6" }], { onlyIfNew: true });
    expect(await client.get("more")).toBe("5");
  }
});

test.each([
  [{ onlyIfNew: true, onlyIfMatch: "x" }, "`onlyIfMatch` and `onlyIfNew` exclude each other"],
  [{ onlyIfNew: "yes" }, "`onlyIfNew` must be a boolean"],
  [{ onlyIfMatch: 7 }, "`onlyIfMatch` must be a string"],
  [{ onlyIfMatch: "a\nb" }, "`onlyIfMatch` must be an etag"],
  [{ consistency: "weak" }, "`consistency` must be `eventual` or `strong`"],
  [{ metadata: { a: "x".repeat(2000) } }, "`metadata` must have at most 2 KB"],
  [{ metadata: { a: 1n } }, "`metadata` must be what JSON has a text for"],
  [{ consistency: "strong" }, "`uncachedEdgeURL` is required"],
])("a call's options that are refused before anything is sent: %#", async (options, cause) => {
  const place = { ...EDGE, edgeURL: "http://127.0.0.1:1", uncachedEdgeURL: undefined };
  const storage = open({ ...place, name: "a" });
  await expect(storage.setItem("a", "1", options)).rejects.toMatchObject({
    code: "INVALID_OPTIONS",
    message: expect.stringContaining(cause),
  });
});

test("a call's consistency goes over the driver's", async () => {
  const cached = await serveAnswers((_, response) => response.end(`"cached"`));
  const strong = await serveAnswers((_, response) => response.end(`"strong"`));
  const options = { ...EDGE, edgeURL: cached.url, uncachedEdgeURL: strong.url, name: "a" };
  const [eventually, strongly] = [open(options), open({ ...options, consistency: "strong" })];
  for (const storage of [eventually, strongly]) {
    expect(await storage.getItem("a", { consistency: "strong" })).toBe("strong");
    expect(await storage.getItem("a", { consistency: "eventual" })).toBe("cached");
    const [item] = await storage.getItems([{ key: "a", options: { consistency: "strong" } }]);
    expect(item.value).toBe("strong");
    const items = await storage.getItems(["a"], { consistency: "eventual" });
    expect(items[0].value).toBe("cached");
  }
  expect(await strongly.getItem("a")).toBe("strong");
  const before = strong.requests.length;
  await eventually.hasItem("a", { consistency: "strong" });
  await eventually.getMeta("a", { consistency: "strong" });
  expect(strong.requests.slice(before).map(({ method, url }) => `${method} ${url}`)).toEqual([
    `HEAD /${SITE}/site:a/a`,
    `HEAD /${SITE}/site:a/a`,
    `GET /${SITE}/site:a/a$`,
  ]);
});

test("a write with a condition is made once, as what is there may be what it wrote", async () => {
  const service = await serveAnswers((request) => request.socket.destroy());
  const storage = open({ ...EDGE, edgeURL: service.url, name: "a" });
  for (const options of [
    { onlyIfNew: true },
    { onlyIfMatch: `"e"` },
    { headers: { "if-match": `"e"` } },
  ]) {
    const before = service.requests.length;
    await expect(storage.setItem("a", "1", options)).rejects.toMatchObject({ code: "ECONNRESET" });
    expect(service.requests.length - before).toBe(1);
  }
  const before = service.requests.length;
  await expect(storage.setItem("a", "1")).rejects.toMatchObject({ code: "ECONNRESET" });
  expect(service.requests.length - before).toBeGreaterThan(1);
});

test.each(["b64;e", `b64;${btoa("{")}`])("metadata that nobody can read: %s", async (text) => {
  const { url } = await serveAnswers((_, response) => {
    response.writeHead(200, { "x-amz-meta-user": text }).end();
  });
  const storage = open({ ...EDGE, edgeURL: url, name: "m" });
  await expect(storage.getMeta("a")).rejects.toMatchObject({ code: "EPROTO" });
});

test("clear removes what is under its base, from many pages", async () => {
  const storage = open({ ...EDGE, name: "many" });
  const items = Array.from({ length: 250 }, (_, index) => ({ key: `k:${index}`, value: index }));
  await storage.setItems([...items, { key: "kept", value: 1 }, { key: "k2", value: 1 }]);
  expect(await storage.getItems(items.map(({ key }) => key))).toEqual(items);
  expect(await storage.getKeys("k")).toHaveLength(250);
  await storage.clear("k");
  expect((await storage.getKeys()).sort()).toEqual(["k2", "kept"]);
});

test.each([
  ["unstorage 2 at the edge", createStorage2, theirs2, EDGE],
  ["unstorage 1 over the API", createStorage1, theirs1, API],
])(
  "%s and ours take what is encoded in a key for what it stands for",
  async (name, create, driver, place) => {
    const options = { ...place, name: `encoded ${name}` };
    const theirs = create({ driver: driver(options) });
    const ours = open(options);
    for (const [from, to] of [
      [ours, theirs],
      [theirs, ours],
    ]) {
      await from.setItem("100%41", "1");
      await from.setItem("50%25:%c3%A9", "2");
      expect((await from.getKeys()).sort()).toEqual(["100A", "50%:é"]);
      expect(await to.getItem("100%41")).toBe(1);
      expect(await to.getItem("100A")).toBe(1);
      expect(await to.getItem("50%25:é")).toBe(2);
      await to.removeItem("100%41");
      expect(await from.hasItem("100A")).toBe(false);
      await ours.clear();
      expect(await to.getKeys()).toEqual([]);
    }
  },
);

test("a percent sign that encodes nothing is one", async () => {
  const storage = open({ ...EDGE, name: "percent" });
  for (const key of ["100%", "100% of it", "%4"]) {
    await storage.setItem(key, key);
    expect(await storage.getKeys()).toEqual([key]);
    expect(await storage.getItem(key)).toBe(key);
    await storage.clear();
    expect(await storage.hasItem(key)).toBe(false);
  }
});

test("clear removes a blob by the key that it has", async () => {
  const client = getStore({ ...EDGE, name: "odd" });
  for (const key of ["a/b", "c d:e", "100%25", "a%23b", "%20lead"]) await client.set(key, "1");
  await open({ ...EDGE, name: "odd" }).clear();
  expect((await client.list()).blobs).toEqual([]);
});

test("what Netlify tells its functions goes over the options, unless these have a site and a token", async () => {
  stubContext({ siteID: "other", token: TOKEN, edgeURL: server.url, primaryRegion: "us-east-2" });
  const first = server.requests.length;
  await open({ name: "a" }).setItem("key", 1);
  await open({ ...API, name: "a" }).setItem("key", 1);
  await open({ ...API, token: undefined, siteID: undefined, name: "a" }).hasItem("key");
  await open({ deployScoped: true, deployID: "d1" }).hasItem("key");
  await open({ ...EDGE, deployScoped: true, deployID: "d1", region: "eu-central-1" }).hasItem(
    "key",
  );
  expect(server.requests.slice(first)).toEqual([
    "PUT /other/site:a/key",
    `PUT /api/v1/blobs/${SITE}/site:a/key`,
    "HEAD /other/site:a/key",
    "HEAD /region:us-east-2/other/deploy:d1/key",
    "HEAD /region:eu-central-1/other/deploy:d1/key",
  ]);
});

test("a deploy's store over the API is told its region, and unstorage has the same", async () => {
  const options = { ...API, deployScoped: true, deployID: "d2" };
  await open(options).setItem("key", { a: 1 });
  const theirs = createStorage2({ driver: theirs2(options) });
  expect(await theirs.getItem("key")).toEqual({ a: 1 });
  const service = await serveAnswers((request, response) => response.end(`{"blobs":[]}`));
  await open({ ...options, apiURL: service.url }).getKeys("base");
  await open({ ...options, apiURL: service.url, region: "us-east-1" }).removeItem("key");
  expect(service.requests.map(({ url }) => url)).toEqual([
    `/api/v1/blobs/${SITE}/deploy:d2?prefix=base%3A&region=auto`,
    `/api/v1/blobs/${SITE}/deploy:d2/key?region=us-east-1`,
  ]);
});

test("strong reads ask the edge that keeps no copies", async () => {
  const service = await serveAnswers((_, response) => response.end("1"));
  const options = { ...EDGE, edgeURL: "http://127.0.0.1:1", uncachedEdgeURL: service.url };
  const storage = open({ ...options, name: "a", consistency: "strong" });
  expect(await storage.getItem("key")).toBe(1);
  await storage.setItem("key", 2);
  const headers = service.requests[1].headers;
  expect(headers["cache-control"]).toBe("max-age=0, stale-while-revalidate=60");
  expect(headers.authorization).toBe(`Bearer ${TOKEN}`);
});

test("who a signed URL leads to is not told the token", async () => {
  const place = await serveAnswers((_, response) => response.end("1"));
  const api = await serveAnswers((_, response) =>
    response.end(JSON.stringify({ url: `${place.url}/blob?signature=1` })),
  );
  const storage = open({ ...API, apiURL: api.url, name: "a" });
  expect(await storage.getItem("key")).toBe(1);
  await storage.setItem("key", "new");
  expect(api.requests.map(({ headers }) => headers.accept)).toEqual([
    "application/json;type=signed-url",
    "application/json;type=signed-url",
  ]);
  expect(place.requests.map(({ method, url }) => `${method} ${url}`)).toEqual([
    "GET /blob?signature=1",
    "PUT /blob?signature=1",
  ]);
  expect(String(place.requests[1].body)).toBe("new");
  for (const { headers } of place.requests) expect(headers).not.toHaveProperty("authorization");
});

test.each(["<html>", "{}", `{"url":7}`, `{"url":"ftp://host/"}`])(
  "an answer that is none: %s",
  async (text) => {
    const { url } = await serveAnswers((_, response) => response.end(text));
    const storage = open({ ...API, apiURL: url, name: "a" });
    for (const call of [
      () => storage.getKeys(),
      () => storage.getItem("a"),
      () => storage.setItem("a", 1),
    ]) {
      await expect(call()).rejects.toMatchObject({ code: "EPROTO" });
    }
  },
);

test.each([1, 2, 2000])(
  "a listing that does not go on is an error, with %i cursors in turn",
  async (cursors) => {
    const { url, requests } = await serveAnswers((_, response, count) => {
      response.setHeader("x-nf-request-id", "7");
      response.end(JSON.stringify({ blobs: [], next_cursor: String(count % cursors) }));
    });
    const storage = open({ ...EDGE, edgeURL: url, name: "a" });
    const error = { code: "EPROTO", status: 200, requestId: "7" };
    await expect(storage.getKeys()).rejects.toMatchObject(error);
    // A thousand pages may hold nothing.
    expect(requests).toHaveLength(Math.min(cursors, 1000) + 1);
  },
);

test("a store that nobody wrote to is empty", async () => {
  const { url } = await serveAnswers((_, response) => response.writeHead(404).end());
  const storage = open({ ...EDGE, edgeURL: url, name: "a" });
  expect(await storage.getKeys()).toEqual([]);
  await storage.clear();
});

test("what Netlify refuses is told, with its words and the request's id, and without the token", async () => {
  const guess = open({ ...EDGE, token: "s3cret-guess", name: "a" });
  for (const call of ["getItem", "setItem", "hasItem", "removeItem", "getKeys", "clear"]) {
    const error = await guess[call]("a", 1).catch((error) => error);
    expect(error).toMatchObject({
      code: "FORBIDDEN",
      status: 403,
      requestId: "id-of-the-request",
      driver: "netlify-blobs",
    });
    expect(error.message).not.toContain("s3cret");
  }
  const { url } = await serveAnswers((_, response) => {
    response.writeHead(401, { "x-nf-error": `no such token: ${TOKEN}` }).end();
  });
  const error = await open({ ...EDGE, edgeURL: url, name: "a" })
    .getItem("a")
    .catch((e) => e);
  expect(error.message).toContain("401 Unauthorized: no such token: ***");
});

test("a busy edge is asked again, and one that says nothing is given up", async () => {
  const busy = await serveAnswers((_, response, count) =>
    response.writeHead(count ? 200 : 503).end("1"),
  );
  expect(await open({ ...EDGE, edgeURL: busy.url, name: "a" }).getItem("a")).toBe(1);
  const mute = await serveAnswers(() => undefined);
  const storage = open({ ...EDGE, edgeURL: mute.url, name: "a", limits: { timeout: 100 } });
  for (const call of [
    () => storage.setItem("a", 1),
    () => storage.getKeys(),
    () => storage.getItem("a"),
  ]) {
    await expect(call()).rejects.toMatchObject({ code: "ETIMEDOUT" });
  }
});

test("keys that Netlify cannot have are refused before anything is sent", async () => {
  const options = { ...EDGE, edgeURL: "http://127.0.0.1:1", name: "a" };
  const [storage, driver] = [open(options), netlifyBlobs(options)];
  const theirs = theirs2(options);
  for (const key of ["a:b/%2e%2E/c", "a%2f..%5Cb"]) {
    await expect(theirs.setItem(key, "1")).rejects.toThrow("Invalid key");
    for (const call of [
      () => driver.setItem(key, "1"),
      () => driver.getItem(key),
      () => driver.removeItem(key),
    ]) {
      await expect(call()).rejects.toMatchObject({ code: "INVALID_KEY" });
    }
  }
  for (const call of [
    storage.getItem("x".repeat(601)),
    driver.getItem("%2Fa"),
    storage.setItem("é".repeat(301), 1),
    driver.getItem("a/../b"),
    driver.removeItem("/a"),
    driver.removeItem(""),
  ]) {
    await expect(call).rejects.toMatchObject({ code: "INVALID_KEY" });
  }
});

test.each([
  [{}, "`name` is required"],
  [{ name: "a/b" }, "`name` must have no slash, and at most 64 bytes"],
  [{ name: "é".repeat(11) }, "`name` must have no slash, and at most 64 bytes"],
  [{ name: "a", deployScoped: true, deployID: "d" }, "leave out the option `name`"],
  [{ deployScoped: true }, "`deployID` is required"],
  [{ deployScoped: true, deployID: "a/b" }, "`deployID` must be a deploy's id"],
  [{ deployScoped: true, deployID: "d" }, "`region` is required for a deploy's store at the edge"],
  [{ name: "a", siteID: "" }, "`siteID` is required"],
  [{ name: "a", token: "" }, "`token` is required"],
  [{ name: "a", edgeURL: "host" }, "`edgeURL` must be a URL"],
  [{ name: "a", region: "a/b" }, "`region` must be a region's name"],
  [{ name: "a", consistency: "weak" }, "`consistency` must be `eventual` or `strong`"],
  [
    { name: "a", consistency: "strong", uncachedEdgeURL: undefined },
    "`uncachedEdgeURL` is required",
  ],
])("options %j are refused", async (options, cause) => {
  const create = async () => netlifyBlobs({ ...EDGE, ...options }).getItem("a");
  await expect(create()).rejects.toMatchObject({
    code: "INVALID_OPTIONS",
    message: expect.stringContaining(cause),
  });
});
