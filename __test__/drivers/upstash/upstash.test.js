/** What the drivers of Upstash and Vercel KV store and ask, and that unstorage's read it, and the other way round. */
import Redis from "ioredis";
import { createStorage } from "rustorage";
import upstash from "rustorage/drivers/upstash";
import vercelKv from "rustorage/drivers/vercel-kv";
import { createStorage as createStorage2 } from "unstorage";
import upstash2 from "unstorage/drivers/upstash";
import { createStorage as createStorage1 } from "unstorage-v1";
import upstash1 from "unstorage-v1/drivers/upstash";
import vercelKv1 from "unstorage-v1/drivers/vercel-kv";
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { serveAnswers } from "../../servers/answers.js";
import { TOKEN, startUpstash } from "../../servers/upstash.js";

const server = await startUpstash();
afterAll(() => server.stop());
const client = new Redis({ port: server.redis.port });
afterAll(() => client.disconnect());
beforeEach(() => client.flushdb());
const database = { url: server.endpoint, token: TOKEN };

/** The server does not encode its answers as unstorage's client would have it. */
const plain = { responseEncoding: false, enableTelemetry: false };

/** Whether the key has so many seconds from a moment since `begun`. */
async function lives(key, seconds, begun) {
  const written = (await client.pexpiretime(key)) - seconds * 1000;
  return begun <= written && written <= Date.now();
}

describe.each([
  ["upstash of unstorage 2", createStorage2, upstash2, upstash, (keys) => keys],
  ["upstash of unstorage 1", createStorage1, upstash1, upstash, (keys) => keys],
  // It lists keys with its base in front.
  [
    "vercel-kv of unstorage 1",
    createStorage1,
    vercelKv1,
    vercelKv,
    (keys) => keys.map((key) => key.replace("app:", "")),
  ],
])("%s and ours", (_, create, theirDriver, ourDriver, listed) => {
  test("read what the other wrote", async () => {
    const theirs = create({ driver: theirDriver({ ...database, ...plain, base: "app" }) });
    const ours = createStorage({ driver: ourDriver({ ...database, base: "app" }) });
    const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
    for (const [from, to] of [
      [ours, theirs],
      [theirs, ours],
    ]) {
      await from.setItem("object", { a: [1, "é"] });
      await from.setItem("number", 42);
      await from.setItem("text:of:segments", "😀 text");
      await from.setItemRaw("bytes", bytes);
      const begun = Date.now();
      await from.setItem("timed", 1, { ttl: 100 });
      await from.setMeta("object", { kept: true });
      expect(await to.getItem("object")).toEqual({ a: [1, "é"] });
      expect(await to.getItem("number")).toBe(42);
      expect(await to.getItem("text:of:segments")).toBe("😀 text");
      expect(Buffer.from(await to.getItemRaw("bytes")).equals(bytes)).toBe(true);
      expect(await to.getMeta("object")).toMatchObject({ kept: true });
      expect(await lives("app:timed", 100, begun)).toBe(true);
      const keys = ["bytes", "number", "object", "text:of:segments", "timed"];
      expect(listed(await to.getKeys()).sort()).toEqual(keys);
      expect([await to.hasItem("object"), await to.hasItem("none")]).toEqual([true, false]);
      await to.removeItem("object");
      expect(await from.hasItem("object")).toBe(false);
      await to.clear();
      expect(listed(await from.getKeys())).toEqual([]);
    }
  });
});

test("ttl: the item's, else the option's, and 0 for none", async () => {
  const storage = createStorage({ driver: upstash({ ...database, base: "ttl", ttl: 50 }) });
  const begun = Date.now();
  await storage.setItem("option", 1);
  await storage.setItem("own", 1, { ttl: 5.5 });
  await storage.setItem("none", 1, { ttl: 0 });
  await storage.setItems([{ key: "batch", value: 1 }]);
  expect(await lives("ttl:option", 50, begun)).toBe(true);
  expect(await lives("ttl:own", 5.5, begun)).toBe(true);
  expect(await lives("ttl:batch", 50, begun)).toBe(true);
  expect(await client.pttl("ttl:none")).toBe(-1);
});

test("a base that looks like a pattern stands for itself", async () => {
  const storage = createStorage({ driver: upstash({ ...database, base: "a*[b]" }) });
  await storage.setItem("c", 1);
  await client.set("axb:c", 1);
  expect(await storage.getKeys()).toEqual(["c"]);
  await storage.clear();
  expect(await client.keys("*")).toEqual(["axb:c"]);
});

test("many keys are listed once, and batches take few requests", async () => {
  const options = { ...database, base: "many", scanCount: 100 };
  const storage = createStorage({ driver: upstash(options) });
  const items = Array.from({ length: 1200 }, (_, index) => ({ key: `k:${index}`, value: index }));
  await storage.setItems(items);
  expect(await storage.getItems(items.map(({ key }) => key))).toEqual(items);
  expect(await storage.getKeys()).toHaveLength(1200);
  await client.config("RESETSTAT");
  await storage.clear("k");
  expect(await client.info("commandstats")).toContain("cmdstat_unlink:calls=3,");
});

describe("what is asked", () => {
  /** Answers as a database does, for commands that it need not carry out. */
  function answer({ body }, response) {
    const [first, ...rest] = JSON.parse(body);
    const one = () => ({ result: first === "MGET" ? rest.map(() => null) : null });
    response.setHeader("upstash-sync-token", `after ${body.length}`);
    response.end(JSON.stringify(Array.isArray(first) ? [first, ...rest].map(one) : one()));
  }

  test("a write is seen by the reads after it, wherever they go", async () => {
    const { url, requests } = await serveAnswers(answer);
    const storage = createStorage({ driver: upstash({ url, token: TOKEN }) });
    await storage.setItem("a", 1);
    await storage.getItem("a");
    expect(requests[0].headers).not.toHaveProperty("upstash-sync-token");
    expect(requests[1].headers["upstash-sync-token"]).toBe(`after ${requests[0].body.length}`);
    expect(requests[1].headers.authorization).toBe(`Bearer ${TOKEN}`);
    expect(JSON.parse(requests[0].body)).toEqual(["SET", "a", "1"]);
  });

  test("calls that are made together share a request, where they are small and ask for nothing more", async () => {
    const { url, requests } = await serveAnswers(({ url: path, body }, response) => {
      const words = JSON.parse(body);
      const told = ([command, key]) => ({ result: command === "GET" ? `of ${key}` : "OK" });
      response.end(JSON.stringify(path === "/" ? told(words) : words.map(told)));
    });
    const storage = createStorage({ driver: upstash({ url, token: TOKEN }) });
    const large = "x".repeat(10_000);
    const answers = await Promise.all([
      storage.getItem("a"),
      storage.setItem("b", 1),
      storage.getItem("c", { headers: { "x-tenant": "d" } }),
      storage.setItem("e", large),
      storage.getItem("f"),
    ]);
    expect(answers).toEqual(["of a", undefined, "of c", undefined, "of f"]);
    const said = requests.map(({ url: path, body }) => [path, JSON.parse(body)]);
    const together = [
      ["GET", "a"],
      ["SET", "b", "1"],
      ["GET", "f"],
    ];
    expect(said).toHaveLength(3);
    expect(said).toContainEqual(["/pipeline", together]);
    expect(said).toContainEqual(["/", ["SET", "e", large]]);
    expect(said).toContainEqual(["/", ["GET", "c"]]);
  });

  test("of calls that share a request, each has its own answer, or an error with its own key", async () => {
    const { url } = await serveAnswers(({ body }, response, count) => {
      if (count === 1) return response.writeHead(401).end(`{"error":"no"}`);
      const told = ([, key]) => (key === "b" ? { error: "ERR not so" } : { result: `of ${key}` });
      const answers = JSON.parse(body).map(told);
      response.end(JSON.stringify(count === 2 ? answers.slice(1) : answers));
    });
    const storage = createStorage({ driver: upstash({ url, token: TOKEN }) });
    const ask = () => Promise.allSettled(["a", "b"].map((key) => storage.getItem(key)));
    const failed = (key, code) => ({ reason: { key, code, operation: "getItem" } });
    expect(await ask()).toMatchObject([{ value: "of a" }, failed("b", "REFUSED")]);
    expect(await ask()).toMatchObject([failed("a", "UNAUTHORIZED"), failed("b", "UNAUTHORIZED")]);
    expect(await ask()).toMatchObject([failed("a", "EPROTO"), failed("b", "EPROTO")]);
  });

  test("answers that are too much together are had one by one", async () => {
    const { url, requests } = await serveAnswers(({ url: path, body }, response) => {
      const answer = { result: "x".repeat(600) };
      response.end(JSON.stringify(path === "/" ? answer : JSON.parse(body).map(() => answer)));
    });
    const limits = { maxResponseSize: 1000 };
    const storage = createStorage({ driver: upstash({ url, token: TOKEN, limits }) });
    const lengths = ["a", "b"].map(async (key) => (await storage.getItem(key)).length);
    expect(await Promise.all(lengths)).toEqual([600, 600]);
    expect(requests.map(({ url: path }) => path)).toEqual(["/pipeline", "/", "/"]);
  });

  test("a batch goes in requests of a size that a database takes", async () => {
    const { url, requests } = await serveAnswers(answer);
    const storage = createStorage({ driver: upstash({ url, token: TOKEN }) });
    const value = "x".repeat(200_000);
    await storage.setItems(Array.from({ length: 5 }, (_, index) => ({ key: `${index}`, value })));
    expect(requests.map(({ url: path, body }) => [path, JSON.parse(body).length])).toEqual([
      ["/pipeline", 2],
      ["/pipeline", 2],
      ["/pipeline", 1],
    ]);
  });

  test("what a database refuses is told, in a batch with the key, and without the token", async () => {
    const { url } = await serveAnswers(({ body, url: path }, response) => {
      response.setHeader("x-request-id", "7");
      if (path === "/pipeline") {
        const answers = JSON.parse(body).map(([, key]) =>
          key === "b" ? { error: `ERR ${TOKEN} ${"value".repeat(100)}` } : { result: "OK" },
        );
        response.end(JSON.stringify(answers));
      } else response.writeHead(401).end(JSON.stringify({ error: `Unauthorized ${TOKEN}` }));
    });
    const storage = createStorage({ driver: upstash({ url, token: TOKEN }) });
    const items = ["a", "b", "c"].map((key) => ({ key, value: 1 }));
    const refused = await storage.setItems(items).catch((error) => error);
    expect(refused).toMatchObject({ code: "REFUSED", key: "b", status: 200, requestId: "7" });
    expect(refused.message).toContain(`POST ${url}: ERR ***`);
    expect([refused.message.includes("(request 7)"), refused.message.length < 350]).toEqual([
      true,
      true,
    ]);
    const error = await storage.getItem("a").catch((error) => error);
    expect(error).toMatchObject({ code: "UNAUTHORIZED", status: 401, driver: "upstash", key: "a" });
    expect(error.message).toContain("Unauthorized ***");
  });

  test.each([["7"], ["7", 8]])(
    "a listing that does not go on is an error: %s",
    async (...cursors) => {
      const { url } = await serveAnswers((_, response, count) => {
        response.setHeader("x-request-id", "7");
        response.end(JSON.stringify({ result: [cursors[count % cursors.length], ["a"]] }));
      });
      const storage = createStorage({ driver: upstash({ url, token: TOKEN }) });
      const error = { code: "EPROTO", status: 200, requestId: "7" };
      await expect(storage.getKeys()).rejects.toMatchObject(error);
    },
  );

  test.each(["<html>", "{}", "[]", `{"result":{}}`])("an answer that is none: %s", async (text) => {
    const { url } = await serveAnswers((_, response) => response.end(text));
    const storage = createStorage({ driver: upstash({ url, token: TOKEN }) });
    const calls = [storage.getItem("a"), storage.getItems(["a", "b"]), storage.getKeys()];
    const results = await Promise.allSettled(calls);
    expect(results).toMatchObject(Array(3).fill({ reason: { code: "EPROTO" } }));
  });
});

describe("the environment", () => {
  afterEach(() => vi.unstubAllEnvs());

  test.each([
    ["upstash", () => upstash(), "UPSTASH_REDIS_REST"],
    ["vercel-kv", () => vercelKv(), "KV_REST_API"],
    ["vercel-kv with env", () => vercelKv({ env: "OTHER" }), "OTHER_REST_API"],
  ])("%s is found there, also later, and shows nowhere", async (_, make, prefix) => {
    const storage = createStorage({ driver: make() });
    await expect(storage.getItem("a")).rejects.toMatchObject({ code: "INVALID_OPTIONS" });
    vi.stubEnv(`${prefix}_URL`, server.endpoint);
    vi.stubEnv(`${prefix}_TOKEN`, TOKEN);
    await storage.setItem("a", 1);
    expect(await storage.getItem("a")).toBe(1);
    expect(JSON.stringify(storage.getMount("").driver)).not.toContain(TOKEN);
  });

  test("is not looked at where env is false", async () => {
    vi.stubEnv("KV_REST_API_URL", server.endpoint);
    vi.stubEnv("KV_REST_API_TOKEN", TOKEN);
    const storage = createStorage({ driver: vercelKv({ env: false }) });
    await expect(storage.getItem("a")).rejects.toThrow("is required");
  });
});

test("what unstorage's client takes and ours does without is named once", () => {
  const warned = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
  upstash({ ...database, retry: false, enableTelemetry: false });
  upstash({ ...database, retry: false });
  expect(warned.mock.calls.map(([text]) => /`(\w+)`/.exec(text)[1])).toEqual([
    "enableTelemetry",
    "retry",
  ]);
  expect(() => upstash({ ...database, other: 1 })).toThrow("unknown field `other`");
});
