/** Where ours differs from unstorage on purpose: one test for each row of docs/compatibility.md, under the row's name. */
import { createHash } from "node:crypto";
import { createStorage, isStorageError, prefixStorage } from "rustorage";
import db0 from "rustorage/drivers/db0";
import cloudflareKvHttp from "rustorage/drivers/cloudflare-kv-http";
import fs from "rustorage/drivers/fs";
import fsLite from "rustorage/drivers/fs-lite";
import github from "rustorage/drivers/github";
import http from "rustorage/drivers/http";
import lruCache from "rustorage/drivers/lru-cache";
import memory from "rustorage/drivers/memory";
import netlifyBlobs from "rustorage/drivers/netlify-blobs";
import nullDriver from "rustorage/drivers/null";
import redis from "rustorage/drivers/redis";
import s3 from "rustorage/drivers/s3";
import sqlite from "rustorage/drivers/sqlite";
import upstash from "rustorage/drivers/upstash";
import vercelBlob from "rustorage/drivers/vercel-blob";
import vercelKv from "rustorage/drivers/vercel-kv";
import { createStorageHandler, createStorageServer } from "rustorage/server";
import { withTracing } from "rustorage/tracing";
import { createDatabase } from "db0";
import mysqlConnector from "db0/connectors/mysql2";
import sqliteConnector from "./drivers/embedded/connector.js";
import { tracingChannel } from "node:diagnostics_channel";
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import * as unstorage from "unstorage";
import unstorageDb0 from "unstorage/drivers/db0";
import unstorageFs from "unstorage/drivers/fs";
import { createStorageHandler as createTheirHandler } from "unstorage/server";
import { withTracing as withTheirTracing } from "unstorage/tracing";
import { createStorage as createStorageV1 } from "unstorage-v1";
import { createStorageServer as createServerV1 } from "unstorage-v1/server";
import { afterAll, afterEach, expect, onTestFinished, test, vi } from "vitest";
import { native } from "../js/native.js";
import { mapDriver } from "./conformance/map-driver.js";
import { run } from "./lifecycle/run.js";
import { startAnswers } from "./servers/answers.js";
import { OPTIONS as KEYS, createBucket, startMoto } from "./servers/s3.js";
import { startProxy } from "./servers/proxy.js";
import { freePort } from "./servers/ports.js";
import { startRedis, startSentinel } from "./servers/redis.js";
import { startMariadb } from "./servers/sql.js";
import { startServer } from "./servers/storage.js";
import { TOKEN, startUpstash } from "./servers/upstash.js";
import { startVercelBlob } from "./servers/vercel-blob.js";

function folder() {
  const path = mkdtempSync(join(tmpdir(), "rustorage-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

async function filled(storage, ...keys) {
  for (const key of keys) await storage.setItem(key, key);
  return storage;
}

async function recorded(storage) {
  const events = [];
  await storage.watch((event, key) => events.push(`${event} ${key}`));
  return events;
}

const DRIVERS = {
  memory: () => memory(),
  "lru-cache": () => lruCache(),
  fs: () => fs({ base: folder() }),
  "a JavaScript driver": () => mapDriver(),
};

afterEach(() => native.setClock(-1));

/** Every row has its test here: the names are read from the page. */
test("every row has its test", () => {
  const page = readFileSync(new URL("../docs/compatibility.md", import.meta.url), "utf8");
  const table = page.split("## Deliberate differences")[1].split("\n## ")[0];
  const rows = table.match(/^\| .*? \|/gm).map((row) => row.slice(2, -2).trim());
  const names = rows.slice(2).map((name) => name.replace(/ \*$/, ""));
  const source = readFileSync(new URL(import.meta.url), "utf8");
  expect(names.length).toBeGreaterThan(15);
  for (const name of names) expect(source).toContain(`("${name}"`);
});

test("clear(base) clears what is under the base", async () => {
  for (const make of Object.values(DRIVERS)) {
    const storage = createStorage({ driver: make() });
    await filled(storage, "foo:a", "foo:b:c", "foo:d$", "foobar", "bar:a");
    await storage.clear("foo");
    expect((await storage.getKeys()).sort()).toEqual(["bar:a", "foobar"]);
    expect(await storage.getItem("foo:d$")).toBe(null);
    await filled(storage, "foo:a");
    await prefixStorage(storage, "foo").clear();
    expect((await storage.getKeys()).sort()).toEqual(["bar:a", "foobar"]);
  }
  const driver = { ...mapDriver(), clear: vi.fn() };
  const storage = createStorage().mount("m", driver);
  await filled(storage, "m:a:b", "m:c");
  await storage.clear("m:a");
  expect(driver.clear).not.toHaveBeenCalled();
  expect(await storage.getKeys("m")).toEqual(["m:c"]);
  await storage.clear("m");
  expect(driver.clear).toHaveBeenCalledTimes(1);
});

test("setItems emits events", async () => {
  const storage = createStorage().mount("js", mapDriver());
  const events = await recorded(storage);
  await storage.setItems([
    { key: "a", value: 1 },
    { key: "js/b", value: 2 },
  ]);
  expect(events.sort()).toEqual(["update a", "update js:b"]);
});

test("clear emits events", async () => {
  const storage = await filled(createStorage().mount("js", mapDriver()), "a", "js:b");
  const events = await recorded(storage);
  await storage.clear();
  expect(events.sort()).toEqual(["remove a", "remove js:b"]);
});

test("setItems writes nothing where an item cannot be stored", async () => {
  for (const make of Object.values(DRIVERS)) {
    const storage = createStorage({ driver: make() });
    const items = [
      { key: "a", value: 1 },
      { key: "b", value: new Map() },
    ];
    await expect(storage.setItems(items)).rejects.toThrow("[unstorage] Cannot stringify value!");
    expect(await storage.getKeys()).toEqual([]);
  }
});

test("getItems answers in input order", async () => {
  const storage = createStorage().mount("m", mapDriver());
  await filled(storage, "a", "m:b", "c");
  const items = await storage.getItems(["c", "m:b", "a", "c"]);
  expect(items.map(({ key }) => key)).toEqual(["c", "m:b", "a", "c"]);
});

test("maxDepth counts in the full key", async () => {
  const storage = createStorage().mount("a:b", memory());
  await filled(storage, "a:b:c", "a:b:c:d", "e:f");
  expect((await storage.getKeys("", { maxDepth: 2 })).sort()).toEqual(["a:b:c", "e:f"]);
  expect(await storage.getKeys("", { maxDepth: 1 })).toEqual(["e:f"]);
});

test("setMeta and removeMeta work detached", async () => {
  const { setMeta, getMeta, removeMeta } = createStorage();
  await setMeta("a", { b: 1 });
  expect(await getMeta("a")).toEqual(Object.assign(Object.create(null), { b: 1 }));
  await removeMeta("a");
  expect(Object.keys(await getMeta("a"))).toEqual([]);
});

test("a view's dispose touches only mounts at or under its base", async () => {
  const dispose = { in: vi.fn(), out: vi.fn() };
  const storage = createStorage()
    .mount("in", { ...mapDriver(), dispose: dispose.in })
    .mount("out", { ...mapDriver(), dispose: dispose.out });
  await prefixStorage(storage, "in").dispose();
  expect(dispose.in).toHaveBeenCalledTimes(1);
  expect(dispose.out).not.toHaveBeenCalled();
});

test("a view's watch filters and strips", async () => {
  const storage = createStorage();
  const events = await recorded(prefixStorage(storage, "in"));
  await filled(storage, "in:a", "out:b");
  expect(events).toEqual(["update a"]);
});

test("ttl holds in lru-cache", async () => {
  native.setClock(0);
  const storage = createStorage({ driver: lruCache({ ttl: 5000 }) });
  await storage.setItem("item", 1, { ttl: 2 });
  await storage.setItem("option", 1);
  native.setClock(1999);
  expect(await storage.getKeys()).toEqual(["option", "item"]);
  native.setClock(2000);
  expect(await storage.getKeys()).toEqual(["option"]);
  native.setClock(5001);
  expect(await storage.hasItem("option")).toBe(false);
});

test("ttl goes by a clock that fake timers do not turn", async () => {
  vi.useFakeTimers();
  try {
    const storage = createStorage();
    await storage.setItem("a", 1, { ttl: 60 });
    vi.advanceTimersByTime(61_000);
    expect(await storage.getItem("a")).toBe(1);
  } finally {
    vi.useRealTimers();
  }
});

test("ttl holds in memory", async () => {
  native.setClock(0);
  const timers = vi.spyOn(globalThis, "setTimeout");
  const storage = createStorage();
  for (let index = 0; index < 100; index++) {
    await storage.setItem(`a${index}`, index, { ttl: 0.5 });
  }
  expect(timers.mock.calls.length).toBeLessThanOrEqual(1);
  native.setClock(499);
  expect(await storage.getItem("a1")).toBe(1);
  native.setClock(500);
  expect(await storage.getItem("a1")).toBe(null);
  expect(await storage.getKeys()).toEqual([]);
});

test("a ttl of 0, NaN or Infinity is none, a negative one is over at once", async () => {
  const files = createStorage({ driver: fs({ base: folder() }) });
  await files.setItem("a", 1, { ttl: -1 });
  expect(await files.hasItem("a")).toBe(false);
  for (const make of [memory, lruCache]) {
    native.setClock(0);
    const storage = createStorage({ driver: make() });
    for (const ttl of [0, -0, NaN, Infinity, undefined]) {
      await storage.setItem("a", 1, { ttl });
      native.setClock(1e12);
      expect(await storage.getItem("a")).toBe(1);
      native.setClock(0);
    }
    await storage.setItem("a", 1, { ttl: -1 });
    expect(await storage.hasItem("a")).toBe(false);
  }
  // An item's own goes before the driver's option.
  native.setClock(0);
  const drivers = [fs({ base: folder(), ttl: 0.02 }), lruCache({ ttl: 20 })];
  for (const storage of drivers.map((driver) => createStorage({ driver }))) {
    for (const [index, ttl] of [0, -0, NaN, Infinity, undefined, null].entries()) {
      await storage.setItem(`a${index}`, 1, { ttl });
      await storage.setItems([{ key: `b${index}`, value: 1, options: { ttl } }]);
    }
    native.setClock(1000);
    await sleep(50);
    const kept = ["a0", "a1", "a2", "a3", "b0", "b1", "b2", "b3"];
    expect((await storage.getKeys()).sort()).toEqual(kept);
    native.setClock(0);
  }
});

test("a ttl that is no number is refused", async () => {
  for (const driver of [memory(), lruCache(), fs({ base: folder() }), fsLite({ base: folder() })]) {
    const storage = createStorage({ driver });
    await expect(storage.setItem("key", 1, { ttl: "60" })).rejects.toThrow(
      /`ttl` must be a number/,
    );
    expect(await storage.hasItem("key")).toBe(false);
  }
  // What a JavaScript driver makes of it is its own affair.
  await createStorage({ driver: { ...memory(), setItem: () => {} } }).setItem("key", 1, {
    ttl: "1h",
  });
});

test("ttl holds in fs and fs-lite", async () => {
  for (const make of [fs, fsLite]) {
    const driver = make({ base: folder(), ttl: 1 });
    expect(driver.flags.ttl).toBe(true);
    const storage = createStorage({ driver });
    await storage.setItem("option", 1);
    await storage.setItem("item", 1, { ttl: 100 });
    expect((await storage.getKeys()).sort()).toEqual(["item", "option"]);
    await sleep(1100);
    expect(await storage.getKeys()).toEqual(["item"]);
    expect(await storage.getItem("option")).toBe(null);
  }
});

test("fs tells how long an item has to live", async () => {
  for (const make of [fs, fsLite]) {
    const storage = createStorage({ driver: make({ base: folder() }) });
    await storage.setItem("brief", 1, { ttl: 100 });
    await storage.setItem("stays", 1);
    const { ttl } = await storage.getMeta("brief");
    expect(ttl).toBeGreaterThan(90);
    expect(ttl).toBeLessThanOrEqual(100);
    expect(await storage.getMeta("stays")).not.toHaveProperty("ttl");
    await storage.setItem("brief", 2);
    expect(await storage.getMeta("brief")).not.toHaveProperty("ttl");
  }
});

test("getInstance is Map-like", async () => {
  for (const make of [memory, lruCache]) {
    const driver = make();
    await createStorage({ driver }).setItem("a", { b: 1 });
    const map = driver.getInstance();
    expect([map.size, map.get("a"), [...map.keys()]]).toEqual([1, '{"b":1}', ["a"]]);
    map.delete("a");
    expect(map.has("a")).toBe(false);
  }
});

test("memory has limits", async () => {
  const two = createStorage({ driver: memory({ maxEntries: 2 }) });
  await filled(two, "a", "b", "c");
  expect(await two.getKeys()).toEqual(["b", "c"]);
  const bytes = createStorage({ driver: memory({ maxBytes: 10 }) });
  await bytes.setItem("a", "é".repeat(4));
  expect(await bytes.getKeys()).toEqual(["a"]);
  await bytes.setItem("b", "12");
  expect(await bytes.getKeys()).toEqual(["b"]);
  const large = bytes.setItem("b", "1234567890");
  await expect(large).rejects.toMatchObject({ code: "TOO_LARGE", key: "b", driver: "memory" });
  expect(await bytes.getItem("b")).toBe(12);
  const odd = bytes.setItemRaw("c", { no: "size" });
  await expect(odd).rejects.toMatchObject({ code: "INVALID_VALUE", operation: "setItemRaw" });
});

test("lru-cache refuses fetchMethod and memoMethod", () => {
  for (const name of ["fetchMethod", "memoMethod"]) {
    expect(() => lruCache({ [name]: () => 1 })).toThrow(name);
  }
});

test("options that a native driver does not know are refused", () => {
  for (const make of [memory, lruCache, fs, fsLite]) {
    expect(() => make({ base: "x", secret: "s3cret" })).toThrow(/unknown field `(secret|base)`/);
    expect(() => make({ secret: "s3cret" })).toThrow(
      expect.objectContaining({
        code: "INVALID_OPTIONS",
        message: expect.not.stringContaining("s3cret"),
      }),
    );
  }
});

test("what a Nitro config leaves among the options is let be", () => {
  for (const make of [memory, lruCache, fs, fsLite, nullDriver]) {
    make({
      driver: "any",
      lib: () => {},
      ...(make === fs || make === fsLite ? { base: "x" } : {}),
    });
  }
  expect(fs({ driver: "fs", base: "x", readOnly: null, ignore: undefined }).name).toBe("fs");
  expect(fs({ base: "x", watchOptions: { ignored: [null], depth: null } }).name).toBe("fs");
  expect(lruCache({ driver: "lruCache", max: 2, ttlAutopurge: true, ttlResolution: 5 }).name).toBe(
    "lru-cache",
  );
});

test("a config's options are read from the environment", async () => {
  const base = folder();
  const config = { "rustorage:mount": "files", driver: "fs", base: "{{FILES}}" };
  const storage = createStorage().mount("files", fs(config));
  vi.stubEnv("FILES", base);
  onTestFinished(() => vi.unstubAllEnvs());
  await storage.setItem("files:a", "text");
  expect(readFileSync(join(base, "a"), "utf8")).toBe("text");
});

test("a failed call names operation, key, driver and cause", async () => {
  const base = folder();
  writeFileSync(join(base, "file"), "");
  const storage = createStorage().mount("data", fs({ base: join(base, "file") }));
  const error = await storage.setItem("data:a:b", 1).catch((reason) => reason);
  expect(isStorageError(error)).toBe(true);
  expect(error).toMatchObject({ driver: "fs", operation: "setItem", key: "data:a:b" });
  expect(error.message).toBe(
    '[rustorage] [fs] setItem "data:a:b": ENOTDIR: not a directory, the driver\'s base',
  );
  expect(error.code).toBe("ENOTDIR");
  expect(error.cause).toBeInstanceOf(Error);
});

test("fs has() of a folder is false", async () => {
  const base = folder();
  mkdirSync(join(base, "foo"));
  const storage = createStorage({ driver: fs({ base }) });
  expect(await storage.hasItem("foo")).toBe(false);
  expect(await storage.getItem("foo")).toBe(null);
});

test("fs clears nothing that ignore names", async () => {
  const base = folder();
  const storage = createStorage({ driver: fs({ base }) });
  await filled(storage, "node_modules:package", "a:b");
  await storage.clear();
  expect(await storage.getItem("node_modules:package")).toBe("node_modules:package");
  expect(readdirSync(base)).toEqual(["node_modules"]);
});

test("getKeys(base) of fs reads the base's folder alone", async () => {
  const base = folder();
  mkdirSync(join(base, "co"));
  for (const name of ["co:lon", "co/a"]) writeFileSync(join(base, name), "");
  const storage = createStorage({ driver: fs({ base }) });
  const theirs = unstorage.createStorage({ driver: unstorageFs({ base }) });
  expect((await storage.getKeys()).sort()).toEqual(["co:a", "co:lon"]);
  expect((await theirs.getKeys()).sort()).toEqual(["co:a", "co:lon"]);
  expect(await storage.getKeys("co")).toEqual(["co:a"]);
  expect((await theirs.getKeys("co")).sort()).toEqual(["co:a", "co:lon"]);
  expect([await storage.getItem("co:lon"), await theirs.getItem("co:lon")]).toEqual([null, null]);
});

test("fs keeps foo beside foo:bar", async () => {
  for (const keys of [
    ["foo", "foo:bar", "foo:bar:baz"],
    ["foo:bar:baz", "foo:bar", "foo"],
  ]) {
    const storage = await filled(createStorage({ driver: fs({ base: folder() }) }), ...keys);
    for (const key of keys) expect(await storage.getItem(key)).toBe(key);
    expect((await storage.getKeys()).sort()).toEqual(["foo", "foo:bar", "foo:bar:baz"]);
    await storage.removeItem("foo:bar");
    expect(await storage.getItem("foo:bar")).toBe(null);
    expect((await storage.getKeys("foo")).sort()).toEqual(["foo:bar:baz"]);
  }
});

test("fs writes whole values", async () => {
  const base = folder();
  const inode = () => statSync(join(base, "a")).ino;
  const whole = createStorage({ driver: fs({ base }) });
  await whole.setItem("a", "one");
  const first = inode();
  await whole.setItem("a", "two");
  expect(inode()).not.toBe(first);
  const second = inode();
  await createStorage({ driver: fs({ base, atomic: false }) }).setItem("a", "three");
  expect(inode()).toBe(second);
  expect(readFileSync(join(base, "a"), "utf8")).toBe("three");
  expect(readdirSync(base)).toEqual(["a"]);
  expect(lstatSync(join(base, "a")).isFile()).toBe(true);
});

test("a watcher takes some of chokidar's options", () => {
  const known = { usePolling: true, interval: 5, depth: 1, awaitWriteFinish: true, ignored: "a" };
  fs({ base: "unused", watchOptions: { ...known, ignoreInitial: false } });
  for (const watchOptions of [{ cwd: "." }, { ignored: /a/ }, { ignored: () => true }]) {
    expect(() => fs({ base: "unused", watchOptions })).toThrow(/watchOptions|cwd/);
  }
});

test("a watcher follows no link to a folder", async () => {
  const base = folder();
  const outside = folder();
  symlinkSync(outside, join(base, "link"));
  const driver = fs({ base });
  const heard = vi.fn();
  const unwatch = await driver.watch(heard);
  writeFileSync(join(outside, "a"), "1");
  writeFileSync(join(base, "b"), "1");
  await vi.waitFor(() => expect(heard.mock.calls).toEqual([["update", "b"]]));
  await unwatch();
});

test("a watcher keeps no process alive", async () => {
  // It rejects unless the process ends by itself.
  expect(await run("ends", "watcher", folder())).toBe(undefined);
});

test("createStorage refuses a driver in place of its options", async () => {
  const refused = expect.objectContaining({ code: "INVALID_OPTIONS" });
  for (const driver of [fs({ base: folder() }), memory(), createStorage()]) {
    expect(() => createStorage(driver)).toThrow(refused);
  }
  const theirs = unstorage.createStorage(unstorageFs({ base: folder() }));
  expect(theirs.getMount("a").driver.name).toBe("memory");
});

test("a pattern that stands for too many is refused", () => {
  for (const pattern of ["{1..9999}", "{a,b}".repeat(12), "!(a)".repeat(40)]) {
    expect(() => fs({ base: "unused", ignore: [pattern] })).toThrow(/`ignore`/);
  }
});

test("fs refuses names that are too long, and its own", async () => {
  const [base, theirs] = [
    folder(),
    unstorage.createStorage({ driver: unstorageFs({ base: folder() }) }),
  ];
  const storage = createStorage({ driver: fs({ base }) });
  for (const key of ["x".repeat(256), `${"x".repeat(200)}:`.repeat(25), ".rustorage-1:a"]) {
    await expect(storage.getItem(key)).rejects.toMatchObject({ code: "INVALID_KEY" });
    await expect(storage.setItem(key, 1)).rejects.toMatchObject({ code: "INVALID_KEY" });
  }
  expect(await theirs.getItem("x".repeat(256))).toBeInstanceOf(Error);
});

test("fs takes what has its bytes later as a raw value", async () => {
  const storage = createStorage({ driver: fs({ base: folder() }) });
  const theirs = unstorage.createStorage({ driver: unstorageFs({ base: folder() }) });
  for (const value of [
    new Blob(["bytes"]),
    new Blob(["bytes"]).stream(),
    Readable.from(["by", "tes"]),
  ]) {
    await storage.setItemRaw("key", value);
    expect(await storage.getItem("key")).toBe("bytes");
  }
  await expect(theirs.setItemRaw("key", new Blob(["bytes"]))).rejects.toThrow();
  await theirs.setItemRaw("key", ["by", "tes"]);
  await expect(storage.setItemRaw("key", ["by", "tes"])).rejects.toMatchObject({
    code: "INVALID_VALUE",
  });
});

test("fs reads and writes no devices, pipes and sockets", async () => {
  const base = folder();
  symlinkSync("/dev/zero", join(base, "endless"));
  const storage = createStorage({ driver: fs({ base }) });
  await expect(storage.getItem("endless")).rejects.toMatchObject({ code: "EOPNOTSUPP" });
  await expect(storage.setItem("endless", 1)).rejects.toMatchObject({ code: "EOPNOTSUPP" });
  expect(await storage.hasItem("endless")).toBe(true);
});

test("an absolute entry of ignore is no glob", async () => {
  const base = folder();
  writeFileSync(join(base, "a"), "");
  const ignore = [join(base, "*")];
  expect(() => fs({ base, ignore })).toThrow(/relative to base/);
  expect(await unstorageFs({ base, ignore }).getKeys()).toEqual(["a"]);
});

test("every callback of a driver's watch is called", async () => {
  const driver = fs({ base: folder() });
  const first = vi.fn();
  const second = vi.fn();
  const stops = [await driver.watch(first), await driver.watch(second)];
  await driver.setItem("a", "1");
  for (const callback of [first, second]) {
    await vi.waitFor(() => expect(callback.mock.calls).toEqual([["update", "a"]]));
  }
  for (const stop of stops) await stop();
});

test("fs refuses only . and .. segments", async () => {
  const storage = createStorage({ driver: fs({ base: folder() }) });
  await storage.setItem("a..:b", 1);
  expect(await storage.getItem("a..:b")).toBe(1);
  await expect(storage.setItem("a:..:b", 1)).rejects.toThrow('[unstorage] Invalid key: "a:..:b"');
  for (const key of ["nul\0", "lone\ud800"]) {
    await expect(storage.setItem(key, 1)).rejects.toMatchObject({ code: "INVALID_KEY" });
  }
});

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
  const storage = openRedis({ port: proxy.port, commandTimeout: 100 });
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

/** Our handler and that of unstorage 2, each on a storage in memory; `ask` asks both, ours first. */
function servers(options = { authorize: () => {} }) {
  const ours = createStorage();
  const theirs = unstorage.createStorage();
  const handlers = [createStorageHandler(ours, options), createTheirHandler(theirs, options)];
  return {
    ours,
    theirs,
    ask: (path, init) =>
      Promise.all(handlers.map((handle) => handle(new Request(`http://localhost${path}`, init)))),
    statuses: async (path, init) =>
      Promise.all(
        handlers.map(
          async (handle) => (await handle(new Request(`http://localhost${path}`, init))).status,
        ),
      ),
  };
}

const OCTETS = "application/octet-stream";

test("a server refuses where authorize gives false", async () => {
  const { statuses } = servers({ authorize: () => false });
  expect(await statuses("/a")).toEqual([401, 404]);
});

test("a server refuses options that it does not know", () => {
  const options = { authorise: () => {} };
  expect(() => createStorageHandler(createStorage(), options)).toThrow(
    /unknown option `authorise`/,
  );
  expect(createTheirHandler(unstorage.createStorage(), options)).toBeTypeOf("function");
});

test("a server that is open says so", () => {
  const warned = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
  createStorageHandler(createStorage(), { authorize: () => {} });
  expect(warned).not.toHaveBeenCalled();
  createStorageHandler(createStorage());
  createStorageServer(createStorage());
  expect(warned.mock.calls).toEqual([
    [
      expect.stringContaining("without `authorize`"),
      { type: "RustorageWarning", code: "RUSTORAGE_OPEN_SERVER" },
    ],
  ]);
});

test("a server refuses an x-ttl that is no number", async () => {
  const { ours, theirs, statuses } = servers();
  const init = { method: "PUT", body: "1", headers: { "x-ttl": "1 minute" } };
  expect(await statuses("/a", init)).toEqual([400, 200]);
  expect([await ours.hasItem("a"), await theirs.hasItem("a")]).toEqual([false, true]);
});

test("a server refuses an encoded ? in a path", async () => {
  const { ours, theirs, statuses } = servers();
  for (const storage of [ours, theirs]) await storage.setItem("a", 1);
  expect(await statuses("/a%3Fb", { method: "DELETE" })).toEqual([400, 200]);
  expect([await ours.hasItem("a"), await theirs.hasItem("a")]).toEqual([true, false]);
});

test("a server knows the raw type by its name", async () => {
  const { ours, theirs, ask } = servers();
  const headers = { "content-type": `${OCTETS}; charset=binary` };
  await ask("/a", { method: "PUT", body: new Uint8Array([255]), headers });
  expect(await ours.getItemRaw("a")).toEqual(new Uint8Array([255]));
  expect(await theirs.getItemRaw("a")).toBe("\ufffd");
});

test("a server gives bytes as text, too", async () => {
  const logged = vi.spyOn(console, "error").mockImplementation(() => {});
  const { ours, theirs, ask } = servers();
  for (const storage of [ours, theirs]) await storage.setItemRaw("a", new Uint8Array([104, 105]));
  const [answer, theirAnswer] = await ask("/a");
  expect([answer.status, await answer.text(), theirAnswer.status]).toEqual([200, "hi", 500]);
  expect(logged).toHaveBeenCalledTimes(1);
});

test("a server answers 400 and 413 for what its storage refuses", async () => {
  const logged = vi.spyOn(console, "error").mockImplementation(() => {});
  const storage = createStorage({ driver: fs({ base: folder() }) });
  storage.mount("small", memory({ maxBytes: 5 }));
  for (const [create, path, status] of [
    [createStorageHandler, "/a%00b", 400],
    [createTheirHandler, "/a%00b", 500],
    [createStorageHandler, "/small/a", 413],
    [createTheirHandler, "/small/a", 500],
  ]) {
    const request = new Request(`http://localhost${path}`, { method: "PUT", body: "long text" });
    const response = await create(storage, { authorize: () => {} })(request);
    expect([path, response.status]).toEqual([path, status]);
  }
  expect(logged).toHaveBeenCalledTimes(2);
});

test("a server answers conditions and ranges", async () => {
  const { ours, theirs, ask, statuses } = servers();
  for (const storage of [ours, theirs]) await storage.setItemRaw("a", Buffer.from("0123"));
  const [{ headers }, theirAnswer] = await ask("/a", { headers: { accept: OCTETS } });
  expect([headers.get("cache-control"), headers.get("etag")]).toEqual([
    "no-cache",
    expect.any(String),
  ]);
  expect(theirAnswer.headers.get("etag")).toBe(null);
  const part = { accept: OCTETS, range: "bytes=1-2" };
  expect(await statuses("/a", { headers: part })).toEqual([206, 200]);
  const unchanged = { accept: OCTETS, "if-none-match": headers.get("etag") };
  expect(await statuses("/a", { headers: unchanged })).toEqual([304, 200]);
  const create = { method: "PUT", body: "new", headers: { "if-none-match": "*" } };
  expect(await statuses("/a", create)).toEqual([412, 200]);
});

/** Our server and that of unstorage 1.17, on sockets; `fetchBoth` asks both, ours first. */
async function nodeServers() {
  const ours = createStorage();
  const theirs = createStorageV1();
  const handles = [
    createStorageServer(ours, { authorize: () => {} }).handle,
    createServerV1(theirs).handle,
  ];
  const started = await Promise.all(handles.map(startServer));
  for (const { stop } of started) onTestFinished(stop);
  const fetchBoth = (path, init) => Promise.all(started.map(({ url }) => fetch(url + path, init)));
  return { ours, theirs, fetchBoth };
}

test("a server writes empty bodies", async () => {
  const { ours, theirs, fetchBoth } = await nodeServers();
  await fetchBoth("/a", { method: "PUT", body: "" });
  expect([await ours.getItem("a"), await theirs.getItem("a")]).toEqual(["", null]);
});

test("a server's answers are no pages", async () => {
  const { ours, theirs, fetchBoth } = await nodeServers();
  for (const storage of [ours, theirs]) await storage.setItem("a", "<script>");
  const types = (await fetchBoth("/a")).map(({ headers }) => headers.get("content-type"));
  expect(types).toEqual(["text/plain;charset=UTF-8", "text/html"]);
});

test("traces hold no secrets", async () => {
  const driver = { ...mapDriver(), options: { token: "s3cret", ttl: 60 } };
  const channel = tracingChannel("unstorage.hasItem");
  const heard = [];
  const start = (context) => heard.push(context.driver.options);
  channel.subscribe({ start });
  onTestFinished(() => channel.unsubscribe({ start }));
  await withTracing(createStorage({ driver })).hasItem("a");
  await withTheirTracing(createStorage({ driver })).hasItem("a");
  expect(heard).toEqual([
    { token: "[redacted]", ttl: 60 },
    { token: "s3cret", ttl: 60 },
  ]);
});

test("a traced storage's mount gives the traced storage", () => {
  const ours = withTracing(createStorage());
  expect(ours.mount("a", memory())).toBe(ours);
  const theirs = withTheirTracing(unstorage.createStorage());
  expect(theirs.mount("a", memory()).__traced).toBe(undefined);
});

async function overHttp(answer, options) {
  const service = await startAnswers(answer);
  onTestFinished(() => service.stop());
  const storage = createStorage({ driver: http({ base: service.url, ...options }) });
  return { ...service, storage };
}

test("calls over HTTP end in their time", async () => {
  const { storage } = await overHttp(() => undefined, { limits: { timeout: 50 } });
  await expect(storage.getItem("a")).rejects.toMatchObject({ code: "ETIMEDOUT" });
});

test("requests over HTTP that may be repeated are", async () => {
  const { storage, requests } = await overHttp((_, response, count) => {
    response.writeHead(count % 2 === 0 ? 503 : 200).end("1");
  });
  expect(await storage.getItem("a")).toBe(1);
  await storage.setItem("a", 2);
  expect(requests.map(({ method }) => method)).toEqual(["GET", "GET", "PUT", "PUT"]);
});

test("errors over HTTP say what the service said, and no secret", async () => {
  const headers = { authorization: "Bearer s3cret" };
  const answer = (_, response) => {
    response.writeHead(403, { "x-request-id": "id" }).end(`{"message":"no s3cret"}`);
  };
  const { storage, url } = await overHttp(answer, { headers });
  await expect(storage.getItem("a")).rejects.toMatchObject({
    code: "FORBIDDEN",
    status: 403,
    requestId: "id",
    message: `[rustorage] [http] getItem "a": FORBIDDEN: GET ${url}: 403 Forbidden: no *** (request id)`,
  });
});

test("listings over HTTP end", async () => {
  const { url } = await overHttp((_, response, count) => {
    response.end(`{"result":["${1 + (count % 2)}",["a"]]}`);
  });
  const storage = createStorage({ driver: upstash({ url, token: "token" }) });
  await expect(storage.getKeys()).rejects.toMatchObject({ code: "EPROTO" });
});

test("redirects to another origin take no headers of the driver along", async () => {
  const other = await overHttp((_, response) => response.end("1"));
  const answer = (_, response) => response.writeHead(302, { location: other.url }).end();
  const { storage } = await overHttp(answer, { headers: { "x-api-key": "s3cret" } });
  expect(await storage.getItem("a")).toBe(1);
  expect(other.requests[0].headers).not.toHaveProperty("x-api-key");
});

test("getItemRaw over HTTP gives a Buffer", async () => {
  const { storage } = await overHttp((_, response) => response.end("1"));
  expect(await storage.getItemRaw("a")).toEqual(Buffer.from("1"));
});

test("http has no metadata of what is not there", async () => {
  const { storage } = await overHttp((_, response) => response.writeHead(404).end());
  expect(await storage.getMeta("a")).toEqual({
    status: undefined,
    mtime: undefined,
    ttl: undefined,
  });
});

test("http removes what is not there, and lists only lists", async () => {
  const { storage } = await overHttp((request, response) => {
    response.writeHead(request.method === "DELETE" ? 404 : 200).end("{}");
  });
  await storage.removeItem("a");
  await expect(storage.getKeys()).rejects.toMatchObject({ code: "EPROTO" });
});

const moto = await startMoto();
afterAll(() => moto.stop());

async function openS3(options) {
  const place = { ...KEYS, endpoint: moto.endpoint, bucket: "items" };
  await createBucket(place);
  const driver = s3({ ...place, ...options });
  return createStorage({ driver });
}

test("s3 tells a bucket that is not there from a miss", async () => {
  const storage = await openS3({ bucket: "none-such" });
  await expect(storage.getItem("a")).rejects.toMatchObject({ code: "NOT_FOUND", key: "a" });
});

test("s3 tells an object's size, mtime and etag", async () => {
  const storage = await openS3();
  await storage.setItem("a", "four");
  const { size, mtime, etag } = await storage.getMeta("a");
  expect([size, mtime, etag]).toEqual([4, expect.any(Date), expect.any(String)]);
});

test("s3 takes keys from where AWS's clients look for them", async () => {
  vi.stubEnv("AWS_ACCESS_KEY_ID", KEYS.accessKeyId);
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", KEYS.secretAccessKey);
  onTestFinished(() => vi.unstubAllEnvs());
  const storage = await openS3({ accessKeyId: undefined, secretAccessKey: undefined });
  await storage.setItem("a", 1);
  expect(await storage.getItem("a")).toBe(1);
});

test("s3 sends a large value in parts", async () => {
  const storage = await openS3();
  await storage.setItemRaw("large", Buffer.alloc(17 << 20));
  expect((await storage.getMeta("large")).etag).toMatch(/-3"$/);
});

/** Ours and unstorage's over one database of db0's. */
function overDb0() {
  vi.spyOn(console, "warn").mockImplementation(() => {});
  const database = createDatabase(sqliteConnector());
  onTestFinished(() => database.dispose());
  const ours = createStorage({ driver: db0({ database }) });
  return {
    database,
    ours,
    theirs: unstorage.createStorage({ driver: unstorageDb0({ database }) }),
  };
}

test("ttl holds in db0 on SQLite and libSQL", async () => {
  const { ours, theirs } = overDb0();
  await ours.setItem("brief", 1, { ttl: 0.02 });
  await theirs.setItem("stays", 1, { ttl: 0.02 });
  await sleep(40);
  expect(await ours.getKeys()).toEqual(["stays"]);
});

test("db0 reads timestamps in UTC", async () => {
  const { database, ours } = overDb0();
  await ours.setItem("a", 1);
  await database.exec("UPDATE unstorage SET updated_at = '2026-01-02 03:04:05'");
  expect((await ours.getMeta("a")).mtime).toEqual(new Date("2026-01-02T03:04:05Z"));
});

test("a base of db0 is no pattern", async () => {
  const { ours, theirs } = overDb0();
  await filled(ours, "a_b:c", "axb:c");
  expect(await ours.getKeys("a_b")).toEqual(["a_b:c"]);
  expect(await theirs.getMount("").driver.getKeys("a_b")).toHaveLength(2);
});

test("db0 keeps one value a key", async () => {
  const { ours, theirs } = overDb0();
  await ours.setItemRaw("a", Buffer.from("raw"));
  await ours.setItem("a", "text");
  expect(await ours.getItemRaw("a")).toEqual(Buffer.from("text"));
  await theirs.setItemRaw("b", Buffer.from("raw"));
  expect(await theirs.getItem("b")).toBe(null);
  expect(await ours.getItem("b")).toBe("raw");
});

/** unstorage's driver over a file, and sqlite over it afterwards: two copies of SQLite in a process do not see each other's locks. */
async function throughSqlite(act) {
  vi.spyOn(console, "warn").mockImplementation(() => {});
  const path = join(folder(), "items.sqlite");
  const database = createDatabase(sqliteConnector(path));
  await act(unstorage.createStorage({ driver: unstorageDb0({ database }) }));
  await database.dispose();
  const storage = createStorage({ driver: sqlite({ path }) });
  onTestFinished(() => storage.dispose());
  return storage;
}

test("sqlite gives raw texts as bytes", async () => {
  const { ours, theirs } = overDb0();
  const natively = await throughSqlite(async (storage) => {
    await storage.setItemRaw("a", "text");
    expect(await storage.getItemRaw("a")).toBe("text");
  });
  expect(await natively.getItemRaw("a")).toEqual(Buffer.from("text"));
  await natively.setItemRaw("b", "text");
  expect(await natively.getItemRaw("b")).toEqual(Buffer.from("text"));
  await ours.setItemRaw("a", "text");
  expect(await ours.getItemRaw("a")).toBe("text");
  expect(await theirs.getItemRaw("a")).toBe("text");
});

test("db0 and sqlite refuse what is no raw value", async () => {
  const { ours, theirs } = overDb0();
  const natively = await throughSqlite((storage) => storage.setItemRaw("number", 5));
  for (const storage of [ours, natively]) {
    for (const value of [5, true, null, { a: 1 }]) {
      await expect(storage.setItemRaw("a", value)).rejects.toMatchObject({
        code: "INVALID_VALUE",
        operation: "setItemRaw",
        key: "a",
        message: expect.stringContaining("a raw value is a string, a Buffer"),
      });
    }
    expect(await storage.getItemRaw("a")).toBe(null);
  }
  await ours.setItemRaw("blob", new Blob(["la", "ter"]));
  expect(await ours.getItemRaw("blob")).toEqual(Buffer.from("later"));
  await theirs.setItemRaw("number", 5);
  expect(await theirs.getItemRaw("number")).toBe(5);
  expect(await ours.getItemRaw("number")).toBe(5);
  expect(await ours.getItem("number")).toBe(5);
  expect(await natively.getItemRaw("number")).toBe(null);
});

test("db0 tells upper from lower case in MySQL", async () => {
  const server = await startMariadb();
  onTestFinished(() => server.stop());
  const database = createDatabase(mysqlConnector(server.options));
  onTestFinished(() => database.dispose());
  const theirs = unstorage.createStorage({
    driver: unstorageDb0({ database, tableName: "theirs" }),
  });
  await theirs.setItem("key", 1);
  await theirs.setItem("KEY", 2);
  expect(await theirs.getItem("key")).toBe(2);
  const ours = createStorage({ driver: db0({ database, tableName: "ours" }) });
  await ours.setItem("key", 1);
  await ours.setItem("KEY", 2);
  expect(await ours.getItem("key")).toBe(1);
  const raw = Buffer.alloc(100_000, 1);
  await ours.setItemRaw("raw", raw);
  // unstorage's own driver reads and writes our table as well.
  const both = unstorage.createStorage({ driver: unstorageDb0({ database, tableName: "ours" }) });
  expect(await both.getItem("KEY")).toBe(2);
  expect((await both.getItemRaw("raw")).equals(raw)).toBe(true);
  await both.setItem("é", "ü");
  expect(await ours.getItem("é")).toBe("ü");
});

const upstashServer = await startUpstash();
afterAll(() => upstashServer.stop());
const restApi = { url: upstashServer.endpoint, token: TOKEN };

test("drivers over HTTP give no client", () => {
  expect(upstash(restApi)).not.toHaveProperty("getInstance");
  expect(vercelKv(restApi)).not.toHaveProperty("getInstance");
  expect(netlifyBlobs({ name: "a" })).not.toHaveProperty("getInstance");
  expect(vercelBlob({ access: "public" })).not.toHaveProperty("getInstance");
});

test("vercel-kv lists keys without its base", async () => {
  const storage = createStorage({ driver: vercelKv({ ...restApi, base: "app" }) });
  await storage.setItem("a", 1);
  expect(await storage.getKeys()).toEqual(["a"]);
});

test("upstash and vercel-kv clear any number of keys", async () => {
  const storage = createStorage({ driver: upstash({ ...restApi, base: "many" }) });
  const items = Array.from({ length: 1200 }, (_, index) => ({ key: `k${index}`, value: index }));
  await storage.setItems(items);
  await storage.clear();
  expect(await storage.getKeys()).toEqual([]);
});

test("cloudflare-kv-http refuses names that Workers KV cannot have", async () => {
  const driver = cloudflareKvHttp({ accountId: "a", namespaceId: "n", apiToken: "t" });
  for (const key of ["x".repeat(513), ".", ".."]) {
    await expect(driver.getItem(key)).rejects.toMatchObject({ code: "INVALID_KEY" });
  }
});

test("cloudflare-kv-http reads whether a call succeeded", async () => {
  const { url } = await overHttp((_, response) => response.end(`{"success":false,"errors":[]}`));
  const driver = cloudflareKvHttp({ accountId: "a", namespaceId: "n", apiToken: "t", apiURL: url });
  const call = createStorage({ driver }).setItem("a", 1);
  await expect(call).rejects.toMatchObject({ code: "REFUSED", status: 200 });
});

test("vercel-blob overwrites, and keeps empty texts", async () => {
  const server = await startVercelBlob();
  onTestFinished(() => server.stop());
  const storage = createStorage({ driver: vercelBlob(server.options) });
  for (const value of ["a", "b", ""]) {
    await storage.setItem("key", value);
    expect(await storage.getItem("key")).toBe(value);
  }
});

test("vercel-blob tells a failure from a miss", async () => {
  const { url } = await overHttp((_, response) => response.writeHead(403).end());
  const options = { access: "public", apiURL: url, blobURL: url, token: "vercel_blob_rw_a_b" };
  const storage = createStorage({ driver: vercelBlob(options) });
  for (const call of [storage.hasItem("a"), storage.getMeta("a")]) {
    await expect(call).rejects.toMatchObject({ code: "FORBIDDEN" });
  }
});

test("a write to vercel-blob goes to the driver's own store", async () => {
  const options = { access: "public", apiURL: "http://127.0.0.1:1", token: "vercel_blob_rw_a_b" };
  const storage = createStorage({ driver: vercelBlob(options) });
  for (const name of ["token", "oidcToken", "storeId", "optimizeImage"]) {
    const written = storage.setItem("a", "1", { [name]: "other" });
    await expect(written).rejects.toMatchObject({
      code: "INVALID_OPTIONS",
      message: expect.stringContaining(name),
    });
  }
});

test("netlify-blobs tells why a write with a condition failed", async () => {
  const { url } = await overHttp((request, response) => {
    response.writeHead(request.url.endsWith("/met") ? 403 : 412).end();
  });
  const options = { name: "n", siteID: "s", token: "t", edgeURL: url };
  const storage = createStorage({ driver: netlifyBlobs(options) });
  await storage.setItem("unmet", 1, { onlyIfNew: true });
  const written = storage.setItem("met", 1, { onlyIfNew: true });
  await expect(written).rejects.toMatchObject({ code: "FORBIDDEN", status: 403 });
});

test("netlify-blobs takes a percent sign that encodes nothing", async () => {
  const { url, requests } = await overHttp((_, response) => response.end("1"));
  const options = { name: "n", siteID: "s", token: "t", edgeURL: url };
  const storage = createStorage({ driver: netlifyBlobs(options) });
  for (const key of ["100%", "%4", "100%41"]) expect(await storage.getItem(key)).toBe(1);
  const paths = ["/s/site:n/100%25", "/s/site:n/%254", "/s/site:n/100%41"];
  expect(requests.map(({ url }) => url)).toEqual(paths);
});

test("netlify-blobs takes more keys", async () => {
  const { url, requests } = await overHttp((_, response) => response.end("1"));
  const options = { name: "n", siteID: "s", token: "t", edgeURL: url };
  const storage = createStorage({ driver: netlifyBlobs(options) });
  for (const key of ["a#b", " lead", "trail ", "a\nb"]) expect(await storage.getItem(key)).toBe(1);
  const keys = ["a%23b", "%20lead", "trail%20", "a%0Ab"];
  expect(requests.map(({ url }) => url)).toEqual(keys.map((key) => `/s/site:n/${key}`));
});

test("a call's consistency holds for all calls of netlify-blobs", async () => {
  const { url } = await overHttp((_, response) => response.end(`{"blobs":[]}`));
  const options = { name: "n", siteID: "s", token: "t", edgeURL: "http://127.0.0.1:1" };
  const storage = createStorage({ driver: netlifyBlobs({ ...options, uncachedEdgeURL: url }) });
  const strong = { consistency: "strong" };
  expect(await storage.hasItem("a", strong)).toBe(true);
  expect(await storage.getKeys("", strong)).toEqual([]);
  expect(await storage.getItemRaw("a", strong)).toEqual(Buffer.from(`{"blobs":[]}`));
  await storage.setItem("a", 1, strong);
  await storage.removeItem("a", strong);
  await storage.clear("", strong);
});

test("netlify-blobs tells what clear left", async () => {
  const { url } = await overHttp((request, response) => {
    if (request.method === "GET") response.end(`{"blobs":[{"key":"a"}]}`);
    else response.writeHead(403).end();
  });
  const options = { name: "n", siteID: "s", token: "t", edgeURL: url };
  const storage = createStorage({ driver: netlifyBlobs(options) });
  await expect(storage.clear()).rejects.toMatchObject({ code: "FORBIDDEN", key: "a" });
});

/** The github driver on an API that knows the file `a`, with the bytes of `content`, or fails; `asked` are the paths. */
async function overGithub({ content = "1", fails = () => false, truncated = false } = {}) {
  const asked = [];
  const bytes = Buffer.from(content);
  const sha = createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");
  const { url } = await overHttp((request, response) => {
    asked.push(request.url);
    if (fails()) response.writeHead(401).end();
    else if (!request.url.includes("/git/trees/")) response.end(bytes);
    else {
      const tree = [{ path: "a", type: "blob", sha, mode: "100644" }];
      const isCut = truncated && request.url.endsWith("?recursive=1");
      response.end(JSON.stringify({ sha, tree: isCut ? [] : tree, truncated: isCut }));
    }
  });
  const options = { repo: "owner/name", ttl: 0, apiURL: url, cdnURL: url };
  return { asked, storage: createStorage({ driver: github(options) }) };
}

test("github gives bytes as they are", async () => {
  const { storage } = await overGithub({ content: Buffer.from([255, 0]) });
  expect(await storage.getItemRaw("a")).toEqual(Buffer.from([255, 0]));
});

test("github asks again after it failed, and for changed files alone", async () => {
  let down = true;
  const { storage, asked } = await overGithub({ fails: () => down });
  await expect(storage.getItem("a")).rejects.toMatchObject({ code: "UNAUTHORIZED" });
  down = false;
  expect(await storage.getItem("a")).toBe(1);
  expect(await storage.getItem("a")).toBe(1);
  expect(asked.filter((path) => path.endsWith("/a"))).toHaveLength(1);
});

test("github lists repositories of any size", async () => {
  const { storage, asked } = await overGithub({ truncated: true });
  expect(await storage.getKeys()).toEqual(["a"]);
  expect(asked).toHaveLength(2);
});
