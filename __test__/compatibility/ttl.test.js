/** Where an item's `ttl` differs from unstorage's on purpose. */
import { createStorage } from "rustorage";
import fs from "rustorage/drivers/fs";
import fsLite from "rustorage/drivers/fs-lite";
import lruCache from "rustorage/drivers/lru-cache";
import memory from "rustorage/drivers/memory";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, test, vi } from "vitest";
import { native } from "../../js/native.js";
import { folder } from "../folder.js";

afterEach(() => native.setClock(-1));

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
