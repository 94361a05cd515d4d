/** What the redis driver stores, and that unstorage's driver with ioredis reads it, and the other way round. */
import Redis from "ioredis";
import { createStorage } from "rustorage";
import redis from "rustorage/drivers/redis";
import { createStorage as createStorage2 } from "unstorage";
import redis2 from "unstorage/drivers/redis";
import { createStorage as createStorage1 } from "unstorage-v1";
import redis1 from "unstorage-v1/drivers/redis";
import { afterAll, describe, expect, onTestFinished, test } from "vitest";
import { startRedis } from "../../servers/redis.js";

const server = await startRedis();
afterAll(() => server.stop());
const { port } = server;
const client = new Redis({ port });
afterAll(() => client.disconnect());

function open(options) {
  const driver = redis({ port, ...options });
  onTestFinished(() => driver.dispose());
  return createStorage({ driver });
}

describe.each([
  ["unstorage 2", (options) => createStorage2({ driver: redis2({ port, ...options }) }), {}],
  [
    "unstorage 1",
    (options) => createStorage1({ driver: redis1({ port, ...options }) }),
    { legacyRaw: true },
  ],
])("%s and ours", (name, create, own) => {
  const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);

  test.each(["app", "app:deep:", ""])(
    "read what the other wrote, under the base %j",
    async (base) => {
      await client.flushdb();
      const theirs = create({ base });
      onTestFinished(() => theirs.dispose());
      const ours = open({ base, ...own });
      for (const [from, to] of [
        [ours, theirs],
        [theirs, ours],
      ]) {
        await from.setItem("object", { a: [1, "é"] });
        await from.setItem("text:of:segments", "😀 text");
        await from.setItemRaw("bytes", bytes);
        await from.setItemRaw("plain", "as it is");
        await from.setItem("timed", 1, { ttl: 100 });
        await from.setMeta("object", { kept: true });
        expect(await to.getItem("object")).toEqual({ a: [1, "é"] });
        expect(await to.getItem("text:of:segments")).toBe("😀 text");
        expect(Buffer.from(await to.getItemRaw("bytes")).equals(bytes)).toBe(true);
        expect(String(await to.getItemRaw("plain"))).toBe("as it is");
        expect(await to.getMeta("object")).toMatchObject({ kept: true });
        const keys = ["bytes", "object", "plain", "text:of:segments", "timed"];
        expect((await to.getKeys()).sort()).toEqual(keys);
        expect(await to.getKeys("text")).toEqual(["text:of:segments"]);
        expect((await to.getMeta("timed")).ttl ?? 100).toBeCloseTo(100, 0);
        await to.removeItem("object", { removeMeta: true });
        await to.clear();
        expect(await from.getKeys()).toEqual([]);
      }
      expect(await client.dbsize()).toBe(0);
    },
  );
});

test("raw values are stored as unstorage 2 stores them", async () => {
  const values = [
    ["text", "text", "text"],
    ["number", 42, "42"],
    ["object", { a: 1 }, '{"a":1}'],
    ["list", [1], "[1]"],
    ["words", new Uint16Array([0x4241]), "AB"],
    ["buffer", new Uint8Array([67]).buffer, "C"],
  ];
  const storage = open({ base: "raw" });
  for (const [key, value, stored] of values) {
    await storage.setItemRaw(key, value);
    expect(await client.get(`raw:${key}`)).toBe(stored);
  }
});

test("legacyRaw stores bytes as base64", async () => {
  const storage = open({ base: "legacy", legacyRaw: true });
  await storage.setItemRaw("bytes", Buffer.from([0, 255]));
  expect(await client.get("legacy:bytes")).toBe("base64:AP8=");
  expect([...(await storage.getItemRaw("bytes"))]).toEqual([0, 255]);
  expect(await storage.getItemRaw("none")).toBe(null);
});

test("keyPrefix stands before everything, and is part of no key", async () => {
  const storage = open({ base: "b", keyPrefix: "p[*]?\\-" });
  await storage.setItem("a", 1);
  await client.set("p[*]?\\-b2:a", 1);
  await client.set("pX-b:a", 1);
  expect(await client.exists("p[*]?\\-b:a")).toBe(1);
  expect(await storage.getKeys()).toEqual(["a"]);
  await storage.clear();
  expect(await client.exists("p[*]?\\-b:a", "p[*]?\\-b2:a", "pX-b:a")).toBe(2);
});

test("a base that looks like a pattern stands for itself", async () => {
  const storage = open({ base: "glob" });
  for (const key of ["a*b:1", "aXb:2", "[ab]:3", "a:4", "q?x:5", "back\\slash:6"]) {
    await client.set(`glob:${key}`, 1);
  }
  expect(await storage.getKeys("a*b")).toEqual(["a*b:1"]);
  expect(await storage.getKeys("[ab]")).toEqual(["[ab]:3"]);
  await storage.clear("a*b");
  expect(await client.exists("glob:aXb:2", "glob:a*b:1")).toBe(1);
});

test("ttl: the item's, else the option's, and 0 for none", async () => {
  const storage = open({ base: "ttl", ttl: 50 });
  await storage.setItem("option", 1);
  await storage.setItem("own", 1, { ttl: 0.5 });
  await storage.setItem("none", 1, { ttl: 0 });
  await storage.setItemRaw("raw", "1", { ttl: 20 });
  await storage.setItems([{ key: "batch", value: 1 }]);
  const left = async (key) => Math.ceil((await client.pttl(`ttl:${key}`)) / 1000);
  expect(await left("option")).toBe(50);
  expect(await client.pttl("ttl:own")).toBeLessThanOrEqual(500);
  expect(await client.pttl("ttl:none")).toBe(-1);
  expect(await left("raw")).toBe(20);
  expect(await left("batch")).toBe(50);
});

test("metadata of what is no string, and of nothing", async () => {
  await client.rpush("meta:list", "a");
  const storage = open({ base: "meta" });
  expect(await storage.getMeta("list")).toMatchObject({ type: "list", size: undefined });
  expect({ ...(await storage.getMeta("none")) }).toEqual({});
  await expect(storage.getItem("list")).rejects.toMatchObject({ code: "WRONGTYPE", key: "list" });
});

test("keys of other programs are listed normalised, and cleared as they are", async () => {
  const names = ["odd::key", "odd:trailing:", Buffer.from([...Buffer.from("odd:"), 0xff])];
  for (const name of names) await client.set(name, 1);
  const storage = open({ base: "odd" });
  expect((await storage.getKeys()).sort()).toEqual(["key", "trailing", "\ufffd"]);
  await storage.clear();
  expect(await client.exists(...names)).toBe(0);
});

test("lists and clears many keys, each once", async () => {
  const storage = open({ base: "many", scanCount: 100 });
  const keys = Array.from({ length: 5000 }, (_, index) => `${index % 7}:${index}`);
  await storage.setItems(keys.map((key) => ({ key, value: 1 })));
  expect((await storage.getKeys()).sort()).toEqual(keys.sort());
  await storage.clear("3");
  expect((await storage.getKeys()).length).toBe(keys.filter((key) => !key.startsWith("3:")).length);
  await storage.clear();
  expect(await client.exists("many:0:0")).toBe(0);
});
