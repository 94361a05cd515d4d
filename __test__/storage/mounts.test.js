/** Which driver a key goes to, and how drivers come and go. */
import { createStorage } from "rustorage";
import lruCache from "rustorage/drivers/lru-cache";
import memory from "rustorage/drivers/memory";
import { describe, expect, test, vi } from "vitest";
import { mapDriver } from "../conformance/map-driver.js";

describe("routing", () => {
  test("the longest mount point wins", async () => {
    const [short, long] = [memory(), memory()];
    const storage = createStorage().mount("a", short).mount("a:b", long);
    await storage.setItem("a:b:c", 1);
    await storage.setItem("a:bc", 2);
    await storage.setItem("a:c", 3);
    expect(long.getKeys()).toEqual(["c"]);
    expect(short.getKeys()).toEqual(["bc", "c"]);
  });

  test("a key called as a mount point does not go there", async () => {
    const cache = memory();
    const storage = createStorage().mount("cache", cache);
    await storage.setItem("cache", 1);
    expect(cache.getKeys()).toEqual([]);
    expect(await storage.getItem("cache")).toBe(1);
    expect(storage.getMount("cache").base).toBe("cache:");
  });

  test("the root is memory if nothing else is said", () => {
    expect(createStorage().getMount().driver.name).toBe("memory");
    const driver = lruCache();
    expect(createStorage({ driver }).getMount().driver).toBe(driver);
  });
});

describe("mount and unmount", () => {
  test("mount returns the storage and refuses a base twice", async () => {
    const storage = createStorage();
    expect(storage.mount("x", memory())).toBe(storage);
    expect(() => storage.mount("/x/", memory())).toThrow("already mounted at x:");
    await storage.unmount("x");
    expect(storage.mount("x", memory())).toBe(storage);
  });

  test("the root can be mounted again and again", async () => {
    const storage = createStorage();
    await storage.setItem("a", 1);
    storage.mount("", memory());
    expect(await storage.getItem("a")).toBe(null);
    storage.mount("", mapDriver());
    await storage.setItem("a", 2);
    expect(await storage.getItem("a")).toBe(2);
    expect(storage.getMounts()).toHaveLength(1);
  });

  test("unmount disposes unless told not to", async () => {
    const [first, second] = [vi.fn(), vi.fn()];
    const storage = createStorage()
      .mount("a", { ...mapDriver(), dispose: first })
      .mount("b", { ...mapDriver(), dispose: second });
    await storage.unmount("a");
    await storage.unmount("b", false);
    expect(first).toHaveBeenCalledTimes(1);
    expect(second).not.toHaveBeenCalled();
    expect(storage.getMounts().map(({ base }) => base)).toEqual([""]);
  });

  test.each(["", "unknown", "..", "a:b"])("unmount of %j does nothing", async (base) => {
    const storage = createStorage().mount("a", mapDriver());
    await storage.unmount(base);
    expect(storage.getMounts().map((mount) => mount.base)).toEqual(["a:", ""]);
  });

  test("a native driver may be mounted twice", async () => {
    const driver = memory();
    const storage = createStorage().mount("a", driver).mount("b", driver);
    await storage.setItem("a:key", 1);
    expect(await storage.getItem("b:key")).toBe(1);
    await storage.unmount("a", false);
    expect(await storage.getItem("b:key")).toBe(1);
  });
});

describe("getMount and getMounts", () => {
  const [root, cache, deep] = [memory(), mapDriver(), memory()];
  const storage = createStorage({ driver: root }).mount("cache", cache).mount("cache:deep", deep);

  test("the mount of a key or a base", () => {
    expect(storage.getMount("cache:a")).toEqual({ base: "cache:", driver: cache });
    expect(storage.getMount("cache:deep").driver).toBe(deep);
    expect(storage.getMount("cached")).toEqual({ base: "", driver: root });
    expect(storage.getMount().driver).toBe(root);
  });

  test("the mounts under a base, longest first, by the string's beginning", () => {
    const bases = (...args) => storage.getMounts(...args).map(({ base }) => base);
    expect(bases()).toEqual(["cache:deep:", "cache:", ""]);
    expect(bases("ca")).toEqual(["cache:deep:", "cache:"]);
    expect(bases("cache:d")).toEqual(["cache:deep:"]);
    expect(bases("cache:d", { parents: true })).toEqual(["cache:deep:", "cache:", ""]);
    expect(bases("cache:deep:x:y")).toEqual([]);
    expect(bases("none", { parents: true })).toEqual([""]);
    expect(storage.getMounts("cache:deep")).toEqual([{ base: "cache:deep:", driver: deep }]);
  });
});

describe("dispose", () => {
  test("ends a watch that is under way: drivers that do not watch yet do not begin", async () => {
    let resolve;
    const begun = new Promise((resolved) => (resolve = resolved));
    const first = vi.fn(() => begun);
    const second = vi.fn();
    const storage = createStorage()
      .mount("a", { ...mapDriver(), watch: first })
      .mount("b", { ...mapDriver(), watch: second });
    const watching = storage.watch(() => {});
    await vi.waitFor(() => expect(first).toHaveBeenCalledTimes(1));
    await storage.dispose();
    resolve(() => {});
    await watching;
    expect(second).not.toHaveBeenCalled();
    await storage.unwatch();
    await storage.watch(() => {});
    expect(second).toHaveBeenCalledTimes(1);
  });

  test("reaches every driver, and the storage stays usable", async () => {
    const dispose = vi.fn();
    const storage = createStorage().mount("js", { ...mapDriver(), dispose });
    await storage.setItem("a", 1);
    await storage.dispose();
    await storage.dispose();
    expect(dispose).toHaveBeenCalledTimes(2);
    await storage.setItem("a", 2);
    expect(await storage.getItem("a")).toBe(2);
  });
});
