/** What the driver of Workers KV stores and asks, and that unstorage's read it, and the other way round. */
import { createStorage } from "rustorage";
import cloudflareKvHttp from "rustorage/drivers/cloudflare-kv-http";
import { createStorage as createStorage2 } from "unstorage";
import theirs2 from "unstorage/drivers/cloudflare-kv-http";
import { createStorage as createStorage1 } from "unstorage-v1";
import theirs1 from "unstorage-v1/drivers/cloudflare-kv-http";
import { afterAll, expect, test } from "vitest";
import { serveAnswers } from "../../servers/answers.js";
import { TOKEN, startCloudflareKv } from "../../servers/cloudflare-kv.js";
import { exchange } from "../exchange.js";

const server = await startCloudflareKv();
afterAll(() => server.stop());

const open = (options) =>
  createStorage({ driver: cloudflareKvHttp({ ...server.options, ...options }) });

test.each([
  ["unstorage 2", createStorage2, theirs2],
  ["unstorage 1", createStorage1, theirs1],
])("%s and ours read what the other wrote", async (_, create, theirDriver) => {
  const theirs = create({ driver: theirDriver({ ...server.options, base: "app" }) });
  const ours = open({ base: "app" });
  await exchange(ours, theirs, { odd: "odd: 100%/é'()*!~+&" });
});

test("batches, pages and clear of more than one request holds", async () => {
  const storage = open({ base: "many" });
  const items = Array.from({ length: 1100 }, (_, index) => ({ key: `k:${index}`, value: index }));
  await storage.setItems([...items, { key: "kept", value: 1 }]);
  expect(await storage.getItems(items.map(({ key }) => key))).toEqual(items);
  expect(await storage.getKeys("k")).toHaveLength(1100);
  await storage.clear("k");
  expect(await storage.getKeys()).toEqual(["kept"]);
});

test.each([
  ["a token", { apiToken: TOKEN }],
  ["a service's key", { userServiceKey: TOKEN }],
  ["an address and a key", { email: "me@example.com", apiKey: TOKEN }],
])("%s tells who asks", async (_, authority) => {
  const storage = open({ apiToken: undefined, ...authority });
  await storage.setItem("a", 1);
  expect(await storage.getItem("a")).toBe(1);
});

test("a ttl is one that Cloudflare takes, and a negative one removes", async () => {
  const service = await serveAnswers((_, response) => response.end(`{"success":true,"result":{}}`));
  const options = { ...server.options, apiURL: service.url };
  const storage = createStorage({ driver: cloudflareKvHttp(options) });
  await storage.setItem("short", 1, { ttl: 1 });
  await storage.setItem("long", 1, { ttl: 99.5 });
  await storage.setItem("none", 1, { ttl: 0 });
  await storage.setItem("over", 1, { ttl: -1 });
  await storage.setItems([{ key: "batch", value: 1, options: { ttl: 70 } }]);
  await storage.setItems([{ key: "a", value: "b" }], { ttl: 80 });
  const longer = createStorage({ driver: cloudflareKvHttp({ ...options, minTTL: 300 }) });
  await longer.setItem("short", 1, { ttl: 100 });
  const said = service.requests.map(({ method, url }) => `${method} ${/[^/]+$/.exec(url)[0]}`);
  expect(said).toEqual([
    "PUT short?expiration_ttl=60",
    "PUT long?expiration_ttl=100",
    "PUT none",
    "DELETE over",
    "PUT batch?expiration_ttl=70",
    "PUT bulk",
    "PUT short?expiration_ttl=300",
  ]);
  expect(JSON.parse(service.requests[5].body)).toEqual([
    { key: "a", value: "b", expiration_ttl: 80 },
  ]);
});

test("what Cloudflare refuses is told, with its ray and without the token", async () => {
  const storage = open({ apiToken: "s3cret-guess" });
  for (const call of ["getItem", "setItem", "hasItem", "removeItem", "getKeys", "clear"]) {
    const error = await storage[call]("a", 1).catch((error) => error);
    expect(error).toMatchObject({
      code: "UNAUTHORIZED",
      status: 401,
      requestId: "ray-of-the-request",
      driver: "cloudflare-kv-http",
    });
    expect(error.message).toContain("Authentication error: ***");
    expect(error.message).not.toContain("s3cret");
  }
});

test.each([1, 2, 2000])(
  "a listing that does not go on is an error, with %i cursors in turn",
  async (cursors) => {
    const service = await serveAnswers((_, response, count) => {
      const cursor = String(count % cursors);
      response.setHeader("cf-ray", "7");
      response.end(JSON.stringify({ success: true, result: [], result_info: { cursor } }));
    });
    const error = { code: "EPROTO", status: 200, requestId: "7" };
    await expect(open({ apiURL: service.url }).getKeys()).rejects.toMatchObject(error);
    // A thousand pages may hold nothing.
    expect(service.requests).toHaveLength(Math.min(cursors, 1000) + 1);
  },
);

test("what says no is none to go by, though its status says yes", async () => {
  const service = await serveAnswers((_, response) => {
    const errors = [{ code: 10_000, message: `not now, ${TOKEN}` }];
    response.writeHead(200, { "cf-ray": "7" }).end(JSON.stringify({ success: false, errors }));
  });
  const storage = open({ apiURL: service.url });
  for (const call of [
    () => storage.setItem("a", 1),
    () => storage.removeItem("a"),
    () => storage.hasItem("a"),
    () => storage.setItems(["a", "b"].map((key) => ({ key, value: 1 }))),
    () => storage.getItems(["a", "b"]),
    () => storage.getKeys(),
    () => storage.clear(),
  ]) {
    await expect(call()).rejects.toMatchObject({
      code: "REFUSED",
      status: 200,
      requestId: "7",
      message: expect.stringContaining("200 OK: not now, *** (request 7)"),
    });
  }
});

test("what Cloudflare leaves of many is told", async () => {
  const result = { successful_key_count: 1, unsuccessful_keys: ["base:b"] };
  const service = await serveAnswers((request, response) => {
    const names = { success: true, result: [{ name: "base:a" }, { name: "base:b" }] };
    response.setHeader("cf-ray", "7");
    response.end(JSON.stringify(request.method === "GET" ? names : { success: true, result }));
  });
  const storage = open({ apiURL: service.url, base: "base" });
  const items = ["a", "b"].map((key) => ({ key, value: 1 }));
  for (const call of [() => storage.setItems(items), () => storage.clear()]) {
    await expect(call()).rejects.toMatchObject({
      code: "UNAVAILABLE",
      key: "b",
      status: 200,
      requestId: "7",
      message: expect.stringContaining("1 items were not changed (request 7)"),
    });
  }
});

test("names that Cloudflare cannot have are refused before anything is sent", async () => {
  const storage = open({ apiURL: "http://127.0.0.1:1", base: "app" });
  const driver = cloudflareKvHttp({ ...server.options, apiURL: "http://127.0.0.1:1" });
  for (const call of [
    storage.getItem("x".repeat(509)),
    storage.setItem("é".repeat(255), 1),
    driver.getItem(".."),
    driver.removeItem(""),
  ]) {
    await expect(call).rejects.toMatchObject({ code: "INVALID_KEY" });
  }
});

test.each(["<html>", "{}", `{"success":true,"result":7}`])(
  "an answer that is none: %s",
  async (text) => {
    const service = await serveAnswers((_, response) => {
      response.writeHead(200, { "cf-ray": "7" }).end(text);
    });
    const storage = open({ apiURL: service.url });
    const error = { code: "EPROTO", status: 200, requestId: "7" };
    await expect(storage.getKeys()).rejects.toMatchObject(error);
    await expect(storage.getItems(["a", "b"])).rejects.toMatchObject(error);
  },
);

test.each([
  [{ accountId: "" }, "`accountId` is required"],
  [{ namespaceId: undefined }, "`namespaceId` is required"],
  [{ apiToken: "" }, "`apiToken`, `userServiceKey`, and `email` with `apiKey` is required"],
  [{ apiURL: "host" }, "`apiURL` must be a URL"],
])("options %j are refused", (options, cause) => {
  expect(() => cloudflareKvHttp({ ...server.options, ...options })).toThrow(cause);
});
