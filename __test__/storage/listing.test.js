/** What getKeys lists, and clear removes, over several mounts. */
import { createStorage } from "rustorage";
import lruCache from "rustorage/drivers/lru-cache";
import memory from "rustorage/drivers/memory";
import { describe, expect, test, vi } from "vitest";
import { mapDriver } from "../conformance/map-driver.js";
import { recorded } from "../events.js";

describe("getKeys", () => {
  test("keys that end in $ are hidden and readable", async () => {
    const storage = createStorage().mount("js", mapDriver());
    for (const key of ["a", "a$", "b$c", "js:d$"]) await storage.setItem(key, 1);
    expect(await storage.getKeys()).toEqual(["a", "b$c"]);
    expect(await storage.getItem("js:d$")).toBe(1);
  });

  test("a child mount hides what its parent has under it", async () => {
    const parent = memory();
    const storage = createStorage({ driver: parent });
    await storage.setItem("a:hidden", 1);
    await storage.setItem("a", 1);
    storage.mount("a", mapDriver());
    await storage.setItem("a:b", 1);
    expect((await storage.getKeys()).sort()).toEqual(["a", "a:b"]);
    expect(await storage.getKeys("a")).toEqual(["a:b"]);
    await storage.unmount("a");
    expect(await storage.getKeys("a")).toEqual(["a:hidden"]);
  });

  test("mounts at or under the base and their parents, longest first", async () => {
    const storage = createStorage().mount("a", memory()).mount("a:b:c", lruCache());
    for (const key of ["top", "a:1", "a:b:2", "a:b:c:3", "a:b:c:4"]) await storage.setItem(key, 1);
    expect(await storage.getKeys()).toEqual(["a:b:c:4", "a:b:c:3", "a:1", "a:b:2", "top"]);
    expect(await storage.getKeys("a:b")).toEqual(["a:b:c:4", "a:b:c:3", "a:b:2"]);
    expect(await storage.getKeys("a:b:c:3")).toEqual([]);
  });

  test("maxDepth counts in the full key, whatever the drivers know", async () => {
    const getKeys = vi.fn(() => ["x", "y:z"]);
    const flags = { maxDepth: true };
    const storage = createStorage().mount("a:b", { ...mapDriver(), flags, getKeys });
    await storage.setItem("top", 1);
    expect((await storage.getKeys("", { maxDepth: 2 })).sort()).toEqual(["a:b:x", "top"]);
    expect(await storage.getKeys("a", { maxDepth: 1 })).toEqual([]);
    expect(await storage.getKeys("a:b", { maxDepth: 3 })).toEqual(["a:b:x", "a:b:y:z"]);
  });

  test("a JavaScript driver gets its base and the options, and may ignore both", async () => {
    const getKeys = vi.fn(() => ["b/c", "other", ":b:d:"]);
    const storage = createStorage().mount("a", { ...mapDriver(), getKeys });
    expect(await storage.getKeys("a:b", { mine: true })).toEqual(["a:b:c", "a:b:d"]);
    expect(await storage.getKeys()).toEqual(["a:b:c", "a:other", "a:b:d"]);
    expect(getKeys.mock.calls).toEqual([
      ["b:", { mine: true }],
      [undefined, {}],
    ]);
  });

  test.each([
    ["no list", undefined],
    ["no list", { 0: "a", length: 1 }],
    ["what is no key", ["a", 1]],
    ["what is no key", [["a"]]],
  ])("a JavaScript driver that gives %s is named: %o", async (what, given) => {
    const driver = { ...mapDriver(), name: "odd", getKeys: async () => given };
    const storage = createStorage().mount("js", driver);
    const error = `[rustorage] [odd] getKeys "js:": the driver's getKeys gave ${what}`;
    await expect(storage.getKeys("js")).rejects.toThrow(error);
    await expect(storage.clear("js")).rejects.toThrow(error);
  });
});

describe("clear", () => {
  test("every mount at or under the base, and what the parent has there", async () => {
    const storage = createStorage().mount("a:b", memory()).mount("c", mapDriver());
    const keys = ["a:1", "a:b:2", "c:3", "top"];
    for (const key of keys) await storage.setItem(key, 1);
    await storage.clear("a");
    expect((await storage.getKeys()).sort()).toEqual(["c:3", "top"]);
    await storage.clear();
    expect(await storage.getKeys()).toEqual([]);
  });

  test("a driver's own clear is called for a whole mount only", async () => {
    const items = new Map([
      ["a:b", "1"],
      ["a:b$", "{}"],
      ["c", "1"],
    ]);
    const clear = vi.fn(() => items.clear());
    const storage = createStorage().mount("js", { ...mapDriver(items), clear });
    await storage.clear("js:a");
    expect(clear).not.toHaveBeenCalled();
    expect([...items.keys()]).toEqual(["c"]);
    await storage.clear("js");
    expect(clear).toHaveBeenCalledTimes(1);
    expect(items.size).toBe(0);
  });

  test("a driver without one is asked for the keys under an empty base, as unstorage does", async () => {
    const items = new Map([["a:b", "1"]]);
    const getKeys = (base) => [...items.keys()].filter((key) => key.startsWith(base));
    await createStorage({ driver: { ...mapDriver(items), getKeys } }).clear();
    expect(items.size).toBe(0);
  });

  test("is a remove for each key", async () => {
    const driver = { ...mapDriver(), clear: vi.fn() };
    const storage = createStorage().mount("js", driver);
    for (const key of ["a:1", "a:2", "b", "js:c"]) await storage.setItem(key, 1);
    const { events } = await recorded(storage);
    await storage.clear("a");
    expect(events.splice(0).sort()).toEqual(["remove a:1", "remove a:2"]);
    await storage.clear();
    expect(events.sort()).toEqual(["remove b", "remove js:c"]);
  });
});
