/** Where the storage's own calls differ from unstorage's on purpose. */
import { createStorage, isStorageError, prefixStorage } from "rustorage";
import fs from "rustorage/drivers/fs";
import lruCache from "rustorage/drivers/lru-cache";
import memory from "rustorage/drivers/memory";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { mapDriver } from "../conformance/map-driver.js";
import { folder } from "../folder.js";
import { filled } from "./filled.js";
import { recorded } from "../events.js";

const DRIVERS = {
  memory: () => memory(),
  "lru-cache": () => lruCache(),
  fs: () => fs({ base: folder() }),
  "a JavaScript driver": () => mapDriver(),
};

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
  const { events } = await recorded(storage);
  await storage.setItems([
    { key: "a", value: 1 },
    { key: "js/b", value: 2 },
  ]);
  expect(events.sort()).toEqual(["update a", "update js:b"]);
});

test("clear emits events", async () => {
  const storage = await filled(createStorage().mount("js", mapDriver()), "a", "js:b");
  const { events } = await recorded(storage);
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
  const { events } = await recorded(prefixStorage(storage, "in"));
  await filled(storage, "in:a", "out:b");
  expect(events).toEqual(["update a"]);
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
