/** Native drivers where their storage is not ours, or they are not left as they were made. */
import { createStorage, isNative } from "rustorage";
import lruCache from "rustorage/drivers/lru-cache";
import memory from "rustorage/drivers/memory";
import overlay from "rustorage/drivers/overlay";
import { createStorage as createUnstorage } from "unstorage";
import unstorageOverlay from "unstorage/drivers/overlay";
import { describe, expect, test, vi } from "vitest";
import { mapDriver } from "../conformance/map-driver.js";

describe("native drivers elsewhere", () => {
  test.each([
    ["memory", memory],
    ["lru-cache", lruCache],
  ])("%s in unstorage's own storage", async (_, create) => {
    const storage = createUnstorage({ driver: create() });
    const raw = new Map();
    await storage.setItem("a:b", { c: 1 });
    await storage.setItemRaw("raw", raw);
    expect(await storage.getItem("a:b")).toEqual({ c: 1 });
    expect(await storage.getItemRaw("raw")).toBe(raw);
    expect(await storage.hasItem("none")).toBe(false);
    expect(await storage.getKeys("a")).toEqual(["a:b"]);
    await storage.removeItem("raw");
    await storage.clear();
    expect(await storage.getKeys()).toEqual([]);
    await storage.dispose();
  });

  test("in unstorage's overlay, and the other way round", async () => {
    const layers = () => {
      const base = memory();
      base.setItem("kept", "1");
      base.setItem("removed", "2");
      return [memory(), base];
    };
    const storages = [
      createUnstorage({ driver: unstorageOverlay({ layers: layers() }) }),
      createStorage({ driver: unstorageOverlay({ layers: layers() }) }),
      createUnstorage({ driver: overlay({ layers: layers() }) }),
    ];
    for (const storage of storages) {
      await storage.removeItem("removed");
      await storage.setItem("own", 3);
      expect(await storage.getItem("kept")).toBe(1);
      expect(await storage.getItem("removed")).toBe(null);
      expect((await storage.getKeys()).sort()).toEqual(["kept", "own"]);
    }
  });

  test("an overlay writes to its first layer alone and marks removals there", async () => {
    const [top, below] = [mapDriver(), memory()];
    below.setItem("a", "1");
    const storage = createStorage({ driver: overlay({ layers: [top, below] }) });
    await storage.setItem("b", 2);
    await storage.removeItem("a");
    expect(await storage.hasItem("a")).toBe(false);
    expect([top.getItem("b"), top.getItem("a")]).toEqual(["2", "__OVERLAY_REMOVED__"]);
    expect([below.getItem("a"), below.getItem("b")]).toEqual(["1", null]);
  });

  test("spread and overridden, the override is used and the rest stays native", async () => {
    const original = memory();
    const setItem = vi.fn((key, value, options) => original.setItem(key, `"<${value}>"`, options));
    const driver = { ...original, setItem };
    const storage = createStorage({ driver });
    await storage.setItem("a", "text");
    expect(await storage.getItem("a")).toBe("<text>");
    expect(setItem).toHaveBeenCalledTimes(1);
    expect(storage.getMount().driver).toBe(driver);
    expect([isNative(original), isNative(driver)]).toEqual([true, false]);
  });

  test("a method put on a native driver before it is mounted is used", async () => {
    const driver = memory();
    driver.getItem = () => '"mine"';
    const storage = createStorage({ driver });
    expect(await storage.getItem("a")).toBe("mine");
  });

  test("memory's getInstance shows what is stored, live", async () => {
    const driver = memory();
    const storage = createStorage({ driver });
    const raw = new Uint8Array(1);
    await storage.setItem("a", { b: 1 });
    await storage.setItemRaw("raw", raw);
    const instance = driver.getInstance();
    expect([...instance]).toEqual([
      ["a", '{"b":1}'],
      ["raw", raw],
    ]);
    expect(instance.get("raw")).toBe(raw);
    instance.set("c", "3");
    instance.delete("a");
    expect(await storage.getItem("c")).toBe(3);
    expect(await storage.getKeys()).toEqual(["raw", "c"]);
    expect([instance.size, instance.has("a")]).toEqual([2, false]);
  });
});
