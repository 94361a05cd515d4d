/** What the user's own code may do in the middle of a call: write, list, mount, throw. */
import { createStorage } from "rustorage";
import fs from "rustorage/drivers/fs";
import lruCache from "rustorage/drivers/lru-cache";
import memory from "rustorage/drivers/memory";
import { AsyncLocalStorage } from "node:async_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { mapDriver } from "./conformance/map-driver.js";
import { folder } from "./folder.js";

test("what dispose writes is kept", async () => {
  const archive = createStorage();
  const dispose = (value, key) => archive.setItem(key, value);
  const cache = createStorage({ driver: lruCache({ max: 50, dispose }) });
  for (let index = 0; index < 100; index++) await cache.setItem(`key:${index}`, index);
  await cache.clear();
  for (let index = 0; index < 100; index++) {
    expect(await archive.getItem(`key:${index}`)).toBe(index);
  }
});

test("calls on other threads that dispose makes take no answer away", async () => {
  const disk = createStorage({ driver: fs({ base: folder() }) });
  const cache = createStorage({
    driver: lruCache({
      maxSize: 30,
      sizeCalculation: (value) => value.length,
      dispose(value, key, reason) {
        if (reason === "set") throw new Error("mine");
        void disk.setItem(key, value);
      },
    }),
  });
  await cache.setItem("a", "x".repeat(10));
  await cache.setItem("b", "x".repeat(10));
  await expect(cache.setItem("b", "x".repeat(25))).rejects.toThrow("mine");
  const calls = [disk.removeItem("k")];
  for (let index = 0; index < 20; index++) calls.push(disk.getItem(`none:${index}`));
  expect(await Promise.all(calls)).toEqual([undefined, ...Array.from({ length: 20 }, () => null)]);
  expect(await disk.getItem("a")).toBe("x".repeat(10));
});

test.each(["writes elsewhere", "throws"])("a write is an event also if dispose %s", async (how) => {
  const other = createStorage({ driver: mapDriver() });
  const cache = createStorage().mount(
    "cache",
    lruCache({
      dispose(value, key) {
        if (how === "throws") throw new Error("mine");
        void other.setItem(key, value);
      },
    }),
  );
  await cache.setItem("cache:a", 1);
  const events = [];
  await cache.watch((event, key) => events.push(`${event} ${key}`));
  const written = await cache.setItem("cache:a", 2).then(String, String);
  expect(written).toBe(how === "throws" ? "Error: mine" : "undefined");
  const removed = await cache.removeItem("cache:a").then(String, String);
  expect(removed).toBe(written);
  expect(events).toEqual(["update cache:a", "remove cache:a"]);
});

test("what dispose throws rejects a read, too", async () => {
  const cache = createStorage({
    driver: lruCache({
      dispose() {
        throw new Error("mine");
      },
    }),
  });
  for (const read of ["getItem", "hasItem", "getItemRaw"]) {
    await cache.setItem("a", 1, { ttl: -1 });
    await expect(cache[read]("a")).rejects.toThrow("mine");
  }
});

test("dispose hears of what is swept, in nobody's context, for as long as something expires", async () => {
  const context = new AsyncLocalStorage();
  const heard = [];
  const dispose = (value, key, reason) => heard.push([key, reason, context.getStore()]);
  const cache = createStorage({ driver: lruCache({ dispose }) });
  await context.run("request", async () => {
    await cache.setItem("early", 1, { ttl: 0.1 });
    await cache.setItem("late", 1, { ttl: 1.5 });
  });
  for (let tries = 0; heard.length < 2 && tries < 100; tries++) await sleep(100);
  expect(heard).toEqual([
    ["early", "expire", undefined],
    ["late", "expire", undefined],
  ]);
});

test("a listing has the mounts of when it was made", async () => {
  const slow = { ...mapDriver(new Map([["x", "1"]])), getKeys: () => sleep(20).then(() => ["x"]) };
  const storage = createStorage().mount("a:slow", slow).mount("a", memory());
  await storage.setItem("a:item", 1);
  const listed = storage.getKeys("a", { maxDepth: 5 });
  await storage.unmount("a");
  expect(await listed).toEqual(["a:slow:x", "a:item"]);
  expect(await storage.getKeys("a")).toEqual(["a:slow:x"]);
});

test("a mount hides at once what was listed before", async () => {
  const storage = createStorage();
  await storage.setItem("a:hidden", 1);
  expect(await storage.getKeys()).toEqual(["a:hidden"]);
  storage.mount("a", memory());
  expect(await storage.getKeys()).toEqual([]);
  await storage.unmount("a");
  expect(await storage.getKeys()).toEqual(["a:hidden"]);
});

test("an Object.prototype that was added to leaves items as they are", async () => {
  const storage = createStorage();
  const item = { a: 1, toString: "text", list: [{ b: null }] };
  await storage.setItem("before", item);
  try {
    // oxlint-disable-next-line no-extend-native -- that somebody does is what is tested
    Object.prototype.added = { by: "somebody" };
    await storage.setItem("after", item);
    for (const key of ["before", "after"]) {
      expect(JSON.stringify(await storage.getItem(key))).toBe(JSON.stringify(item));
    }
  } finally {
    delete Object.prototype.added;
  }
  expect(await storage.getItem("after")).toEqual(item);
});

test("a key that is a getter's, an iterable of items, and keys that are no strings", async () => {
  const storage = createStorage({ driver: mapDriver() });
  await storage.setItems(
    (function* () {
      yield { key: "a", value: 1 };
      yield { key: "b", value: 2 };
    })(),
  );
  expect(await storage.getItems(new Set(["b", "a"]))).toEqual([
    { key: "b", value: 2 },
    { key: "a", value: 1 },
  ]);
  await expect(createStorage().getItem(10n)).rejects.toThrow("[unstorage] Invalid key: 10");
});
