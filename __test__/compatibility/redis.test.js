/** Where redis differs from unstorage's on purpose. */
import { createStorage } from "rustorage";
import redis from "rustorage/drivers/redis";
import { afterAll, expect, onTestFinished, test } from "vitest";
import { startProxy } from "../servers/proxy.js";
import { freePort } from "../servers/ports.js";
import { startRedis, startSentinel } from "../servers/redis.js";

const server = await startRedis();
afterAll(() => server.stop());

function openRedis(options) {
  const driver = redis({ port: server.port, ...options });
  onTestFinished(() => driver.dispose());
  return createStorage({ driver });
}

test("redis ends every call in its time", async () => {
  const proxy = await startProxy(server.port);
  onTestFinished(() => proxy.close());
  const storage = openRedis({ port: proxy.port, commandTimeout: 1000 });
  await storage.setItem("a", 1);
  proxy.stall();
  await expect(storage.getItem("a")).rejects.toMatchObject({ code: "ETIMEDOUT" });
});

test("redis errors reach the call that met them", async () => {
  const port = await freePort();
  const down = openRedis({ port, maxRetriesPerRequest: 1, retryStrategy: 1 });
  await expect(down.getItem("a")).rejects.toMatchObject({ code: "ECONNREFUSED", key: "a" });
  const denied = openRedis({ username: "nobody", password: "wrong" });
  await expect(denied.getItem("a")).rejects.toMatchObject({ code: "WRONGPASS", key: "a" });
});

test("redis opens no connection to close it", async () => {
  const proxy = await startProxy(server.port);
  onTestFinished(() => proxy.close());
  await redis({ port: proxy.port }).dispose();
  expect(proxy.opened).toBe(0);
});

test("redis lists what keyPrefix is in front of", async () => {
  const storage = openRedis({ keyPrefix: "prefix-" });
  await storage.setItem("a", 1);
  expect(await storage.getKeys()).toEqual(["a"]);
});

test("redis clears any number of keys", async () => {
  const storage = openRedis({ base: "many" });
  const items = Array.from({ length: 2500 }, (_, index) => ({ key: `k${index}`, value: index }));
  await storage.setItems(items);
  await storage.clear();
  expect(await storage.getKeys()).toEqual([]);
  const { driver } = storage.getMount("");
  const statistics = await driver.getInstance().command("INFO", "commandstats");
  // With nothing else removed here, there were three.
  expect(Number(/cmdstat_unlink:calls=(\d+)/.exec(statistics)[1])).toBe(3);
});

test("redis gives an item's ttl, size and type", async () => {
  const storage = openRedis({ base: "meta" });
  await storage.setItem("a", "four", { ttl: 1000 });
  const { ttl, size, type } = await storage.getMeta("a");
  expect([Math.round(ttl), size, type]).toEqual([1000, 4, "string"]);
});

test("redis gives no ioredis client", async () => {
  const driver = redis({ port: server.port });
  onTestFinished(() => driver.dispose());
  expect(await driver.getInstance().command("PING")).toBe("PONG");
  expect(driver.getInstance().status).toBe("ready");
});

test("redis refuses calls while too many wait", async () => {
  const proxy = await startProxy(server.port);
  onTestFinished(() => proxy.close());
  const storage = openRedis({ port: proxy.port, maxPendingBytes: 100_000 });
  await storage.setItem("a", 1);
  proxy.stall();
  const taken = storage.setItem("large", "x".repeat(200_000));
  await expect(storage.getItem("a")).rejects.toMatchObject({ code: "OVERLOADED", key: "a" });
  proxy.go();
  await taken;
  expect(await storage.getItem("a")).toBe(1);
});

test("redis takes one login from the URLs of all servers of a cluster", () => {
  for (const url of ["redis://:s3cret@localhost", "rediss://localhost"]) {
    expect(() => redis({ cluster: [url, url] })).not.toThrow();
    expect(() => redis({ cluster: [url, 1] })).toThrow("they are for all servers");
  }
});

test("redis takes natMap as an object alone", () => {
  expect(() => redis({ cluster: [1], natMap: () => null })).toThrow("`natMap` must be an object");
});

test("redis encrypts what sentinels tell of wherever tls is set", async () => {
  const sentinel = await startSentinel([`sentinel monitor plain 127.0.0.1 ${server.port} 1`]);
  onTestFinished(() => sentinel.stop());
  const options = { sentinels: [sentinel.port], name: "plain", maxRetriesPerRequest: 0 };
  await openRedis({ ...options, tls: {}, enableTLSForSentinelMode: false }).setItem("a", 1);
  // The server speaks no TLS, and waits for what it would understand.
  const encrypted = openRedis({ ...options, tls: {}, connectTimeout: 200 });
  await expect(encrypted.getItem("a")).rejects.toMatchObject({ code: "ETIMEDOUT" });
});
