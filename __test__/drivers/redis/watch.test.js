/** The redis driver's `watch`: what anybody changes is told, by the server's keyspace notifications. */
import Redis from "ioredis";
import { createStorage } from "rustorage";
import memory from "rustorage/drivers/memory";
import redis from "rustorage/drivers/redis";
import { setTimeout as sleep } from "node:timers/promises";
import { createStorage as createStorage2 } from "unstorage";
import { afterAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { startProxy } from "../../servers/proxy.js";
import { freePort } from "../../servers/ports.js";
import { VALKEY, startCluster, startRedis, startSentinels } from "../../servers/redis.js";

const TELLS = ["--notify-keyspace-events", "K$gxe"];
const check = { keyspaceNotifications: "check" };

const server = await startRedis({ args: TELLS });
afterAll(() => server.stop());
const client = new Redis({ port: server.port });
afterAll(() => client.disconnect());

function openDriver(options) {
  const driver = redis(options);
  onTestFinished(() => driver.dispose());
  return driver;
}

/** A storage, and the events that it tells of. */
async function watched(options) {
  const storage = createStorage({ driver: openDriver(options) });
  const events = [];
  const unwatch = await storage.watch((event, key) => events.push(`${event} ${key}`));
  return { storage, events, unwatch };
}

test("tells of what others change, under its base alone", async () => {
  const { storage, events } = await watched({ port: server.port, base: "app[1]", ...check });
  await client.set("app[1]:a:b", 1);
  await client.set("app1:a", 1);
  await client.set("app[1]b:a", 1);
  await client.append("app[1]:a:b", 2);
  await client.expire("app[1]:a:b", 100);
  await client.rename("app[1]:a:b", "app[1]:c");
  await client.del("app[1]:c");
  await client.del("app[1]:none");
  await storage.setItem("own", 1);
  await storage.removeItem("own");
  await expect
    .poll(() => events)
    .toEqual([
      "update a:b",
      "update a:b",
      "remove a:b",
      "update c",
      "remove c",
      "update own",
      "remove own",
    ]);
});

test("tells that an item has expired, or was evicted", async () => {
  const { storage, events } = await watched({ port: server.port, base: "life", ...check });
  await storage.setItem("short", 1, { ttl: 0.02 });
  await expect.poll(() => events).toEqual(["update short", "remove short"]);
});

test("of setItems and clear, each key once", async () => {
  const { storage, events } = await watched({ port: server.port, base: "many", ...check });
  const items = Array.from({ length: 1500 }, (_, index) => ({ key: `k${index}`, value: index }));
  await storage.setItems(items);
  await storage.clear();
  await expect.poll(() => events.length).toBe(3000);
  expect(new Set(events).size).toBe(3000);
});

test("a local copy is dropped when anybody changes the item, as docs/scaling.md has it", async () => {
  const shared = createStorage({
    driver: openDriver({ port: server.port, base: "copied", ...check }),
  });
  const local = createStorage({ driver: memory({ maxBytes: 64_000 }) });
  await shared.watch((event, key) => local.removeItem(key));
  await client.set("copied:a", 1);
  await local.setItem("a", await shared.getItem("a"), { ttl: 30 });
  await client.set("copied:a", 2);
  await expect.poll(() => local.getItem("a")).toBe(null);
  expect(await shared.getItem("a")).toBe(2);
});

test("for a database, a mount, several listeners, and unstorage's own storage", async () => {
  const driver = openDriver({ port: server.port, db: 3, ...check });
  const [ours, theirs] = [createStorage(), createStorage2()];
  ours.mount("cache", driver);
  theirs.mount("other", driver);
  const events = [];
  await ours.watch((event, key) => events.push(`ours ${event} ${key}`));
  const unwatch = await theirs.watch((event, key) => events.push(`theirs ${event} ${key}`));
  await ours.setItem("cache:a", 1);
  await expect
    .poll(() => events.toSorted())
    .toEqual(["ours update cache:a", "theirs update other:a"]);
  await unwatch();
  await ours.setItem("cache:b", 1);
  await expect.poll(() => events.at(-1)).toBe("ours update cache:b");
  await ours.unwatch();
  await ours.setItem("cache:c", 1);
  await vi.waitFor(async () => {
    const list = await driver.getInstance().command("CLIENT", "LIST", "TYPE", "PUBSUB");
    expect(list).not.toContain(" db=3 ");
  });
  expect(events.length).toBe(3);
});

test("of a config's mount, which the environment leads to the server", async () => {
  vi.stubEnv("NITRO_STORAGE_WATCHED_PORT", String(server.port));
  onTestFinished(() => vi.unstubAllEnvs());
  const options = { "rustorage:mount": "watched", base: "configured", ...check };
  const { storage, events } = await watched(options);
  await client.set("configured:a", 1);
  await expect.poll(() => events).toEqual(["update a"]);
  await storage.unwatch();
  await storage.dispose();
  await storage.watch((event, key) => events.push(`again ${event} ${key}`));
  await client.del("configured:a");
  await expect.poll(() => events.at(-1)).toBe("again remove a");
});

test("without the option, a storage hears of what its own process changes", async () => {
  const { storage, events } = await watched({ port: server.port, base: "without" });
  await client.set("without:other", 1);
  await storage.setItem("own", 1);
  expect(events).toEqual(["update own"]);
});

describe("a server that tells of nothing", () => {
  test.each(["redis-server", VALKEY])("is an error, or is set so: %s", async (command) => {
    const silent = await startRedis({ command, args: ["--notify-keyspace-events", "Elg"] });
    onTestFinished(() => silent.stop());
    const { port } = silent;
    await expect(watched({ port, ...check })).rejects.toMatchObject({
      code: "UNSUPPORTED",
      driver: "redis",
      operation: "watch",
      message: expect.stringContaining('its notify-keyspace-events lacks "K$xe"'),
    });
    const { storage, events } = await watched({ port, keyspaceNotifications: "configure" });
    await storage.setItem("a", 1);
    await expect.poll(() => events).toEqual(["update a"]);
    const ask = storage.getMount("").driver.getInstance();
    const [, flags] = await ask.command("CONFIG", "GET", "notify-keyspace-events");
    expect([...flags].sort().join("")).toBe("$EKeglx");
    await watched({ port, ...check });
  });

  test("or may not be asked", async () => {
    const guarded = await startRedis({ args: [...TELLS, "--rename-command", "CONFIG", ""] });
    onTestFinished(() => guarded.stop());
    const { port } = guarded;
    for (const keyspaceNotifications of ["check", "configure"]) {
      await expect(watched({ port, keyspaceNotifications })).rejects.toMatchObject({
        code: "ERR",
        message: expect.stringContaining('`keyspaceNotifications: "assume"`'),
      });
    }
    const { events } = await watched({ port, keyspaceNotifications: "assume" });
    const other = createStorage({ driver: openDriver({ port }) });
    await other.setItem("a", 1);
    await expect.poll(() => events).toEqual(["update a"]);
  });

  test("or is not there, or says nothing", async () => {
    const quick = { maxRetriesPerRequest: 1, retryStrategy: 1, ...check };
    await expect(watched({ port: await freePort(), ...quick })).rejects.toMatchObject({
      code: "ECONNREFUSED",
      operation: "watch",
    });
    const proxy = await startProxy(server.port);
    onTestFinished(() => proxy.close());
    proxy.stall();
    await expect(
      watched({ port: proxy.port, commandTimeout: 100, ...check }),
    ).rejects.toMatchObject({ code: "ETIMEDOUT" });
  });
});

describe("a connection that breaks", () => {
  test("is opened again, and settings are set again", async () => {
    const first = await startRedis();
    const { port } = first;
    const { events } = await watched({ port, keyspaceNotifications: "configure", base: "again" });
    await first.stop("SIGKILL");
    const second = await startRedis({ port });
    onTestFinished(() => second.stop());
    const writer = createStorage({ driver: openDriver({ port, base: "again" }) });
    await expect
      .poll(async () => {
        await writer.setItem("a", 1);
        return events.length;
      })
      .toBeGreaterThan(0);
    expect(new Set(events)).toEqual(new Set(["update a"]));
  });

  test("to a server that tells of nothing any more: a warning says so", async () => {
    const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    onTestFinished(() => warn.mockRestore());
    const first = await startRedis({ args: TELLS });
    await watched({ port: first.port, ...check });
    await first.stop("SIGKILL");
    const second = await startRedis({ port: first.port });
    onTestFinished(() => second.stop());
    await expect.poll(() => warn.mock.calls.length).toBe(1);
    expect(warn.mock.calls[0][0]).toContain("notify-keyspace-events lacks");
    expect(warn.mock.calls[0].slice(1)).toEqual(["RustorageWarning", "UNSUPPORTED"]);
  });
});

test("a cluster: every master tells, those that take over too", async () => {
  const cluster = await startCluster({ replicas: 1, args: TELLS });
  onTestFinished(() => cluster.stop());
  const seeds = cluster.ports.slice(0, 3);
  const { storage, events } = await watched({
    cluster: seeds,
    commandTimeout: 60_000,
    ...check,
  });
  const keys = Array.from({ length: 200 }, (_, index) => `k${index}`);
  await storage.setItems(keys.map((key) => ({ key, value: 1 })));
  await expect.poll(() => events.length).toBe(200);
  expect(new Set(events).size).toBe(200);
  await cluster.servers[0].stop("SIGKILL");
  await Promise.all(keys.map((key) => storage.setItem(key, 2)));
  await expect
    .poll(
      async () => {
        events.length = 0;
        await Promise.all(keys.map((key) => storage.setItem(key, 3)));
        await sleep(100);
        return new Set(events).size;
      },
      { timeout: 30_000 },
    )
    .toBe(200);
});

test("sentinels: the new master tells", async () => {
  const group = await startSentinels({ args: TELLS });
  onTestFinished(() => group.stop());
  const options = { sentinels: group.addresses, name: "mymaster", commandTimeout: 60_000 };
  const { storage, events } = await watched({ ...options, maxRetriesPerRequest: -1, ...check });
  await storage.setItem("a", 1);
  await expect.poll(() => events).toEqual(["update a"]);
  await group.cli("-p", `${group.addresses[0].port}`, "sentinel", "failover", "mymaster");
  const [{ port: old }] = group.servers;
  await expect.poll(() => group.master(), { timeout: 20_000 }).not.toBe(old);
  await expect
    .poll(
      async () => {
        await storage.setItem("b", 1);
        await sleep(100);
        return events.includes("update b");
      },
      { timeout: 20_000 },
    )
    .toBe(true);
});
