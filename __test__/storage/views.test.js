/** prefixStorage, and the calls that a storage or a view makes of others. */
import { createStorage, prefixStorage } from "rustorage";
import { describe, expect, test, vi } from "vitest";
import { mapDriver } from "../conformance/map-driver.js";
import { recorded } from "../events.js";

describe("prefixStorage", () => {
  test("a view of what is under the base, which nests", async () => {
    const storage = createStorage();
    const view = prefixStorage(storage, "a");
    const inner = prefixStorage(view, "/b/");
    await inner.set("c", 1);
    await view.setItem("d", 2);
    await storage.setItem("e", 3);
    expect((await storage.getKeys()).sort()).toEqual(["a:b:c", "a:d", "e"]);
    expect((await view.keys()).sort()).toEqual(["b:c", "d"]);
    expect(await view.getKeys("b")).toEqual(["b:c"]);
    expect(await inner.get("c")).toBe(1);
    expect(await view.has("e")).toBe(false);
    await inner.clear();
    expect((await storage.getKeys()).sort()).toEqual(["a:d", "e"]);
  });

  test("an empty base is the storage itself", () => {
    const storage = createStorage();
    for (const base of ["", ":", "/", undefined])
      expect(prefixStorage(storage, base)).toBe(storage);
  });

  test("an invalid base throws at once, an invalid key rejects", async () => {
    const storage = createStorage();
    expect(() => prefixStorage(storage, "a?b")).toThrow('[unstorage] Invalid base: "a?b"');
    const view = prefixStorage(storage, "a");
    await expect(view.getItem("")).rejects.toThrow('[unstorage] Invalid key: ""');
    await expect(view.setItem(":", 1)).rejects.toThrow('[unstorage] Invalid key: ":"');
    await expect(view.getItem("..")).rejects.toThrow("[unstorage] Invalid key:");
    expect(await storage.getKeys()).toEqual([]);
  });

  test("batches, meta and raw values", async () => {
    const storage = createStorage();
    const view = prefixStorage(storage, "a");
    await view.setItems([{ key: "b", value: 1, options: {} }]);
    await view.setItemRaw("raw", "text");
    await view.setMeta("b", { c: 1 });
    expect(await view.getItems(["raw", { key: "b" }, "none"])).toEqual([
      { key: "raw", value: "text" },
      { key: "b", value: 1 },
      { key: "none", value: null },
    ]);
    expect(await storage.getItem("a:b$")).toEqual({ c: 1 });
    expect({ ...(await view.getMeta("b")) }).toEqual({ c: 1 });
    await view.removeItem("b", { removeMeta: true });
    expect(await view.getItemRaw("raw")).toBe("text");
    expect(await storage.hasItem("a:b$")).toBe(false);
  });

  test("mounts under the base", async () => {
    const storage = createStorage();
    const view = prefixStorage(storage, "a");
    const driver = mapDriver();
    view.mount("b", driver);
    await view.setItem("b:c", 1);
    expect(storage.getMount("a:b").driver).toBe(driver);
    expect(driver.getKeys()).toEqual(["c"]);
    await view.unmount("b");
    expect(storage.getMounts()).toHaveLength(1);
  });

  test("hears what happens under the base alone", async () => {
    const storage = createStorage();
    const view = prefixStorage(storage, "a");
    const { events } = await recorded(view);
    await storage.setItem("a:b", 1);
    await storage.setItem("ab", 1);
    await view.removeItem("c");
    expect(events).toEqual(["update b", "remove c"]);
  });

  test("dispose touches only mounts at or under the base", async () => {
    const dispose = { parent: vi.fn(), at: vi.fn(), under: vi.fn(), beside: vi.fn() };
    const driver = (name) => ({ ...mapDriver(), dispose: dispose[name] });
    const storage = createStorage({ driver: driver("parent") })
      .mount("a", driver("at"))
      .mount("a:b", driver("under"))
      .mount("ab", driver("beside"));
    await prefixStorage(storage, "a").dispose();
    expect(dispose.parent).not.toHaveBeenCalled();
    expect(dispose.beside).not.toHaveBeenCalled();
    expect(dispose.at).toHaveBeenCalledTimes(1);
    expect(dispose.under).toHaveBeenCalledTimes(1);
  });
});

describe("aliases and views", () => {
  const aliases = [
    ["get", "getItem", ["a"]],
    ["set", "setItem", ["a", 1]],
    ["has", "hasItem", ["a"]],
    ["del", "removeItem", ["a"]],
    ["remove", "removeItem", ["a"]],
    ["keys", "getKeys", ["a"]],
  ];

  test.each(aliases)("%s calls %s late", async (alias, method, args) => {
    const storage = createStorage();
    const spy = vi.spyOn(storage, method).mockResolvedValue("spied");
    expect(await storage[alias](...args)).toBe("spied");
    expect(spy.mock.calls[0].slice(0, args.length)).toEqual(args);
  });

  test.each(["getItem", "setItem", "getItemRaw", "hasItem", "removeItem", "getMeta", "setMeta"])(
    "a view calls the storage's %s late",
    async (method) => {
      const storage = createStorage();
      const view = prefixStorage(storage, "base");
      const spy = vi.spyOn(storage, method).mockResolvedValue("spied");
      expect(await view[method]("a", {})).toBe("spied");
      expect(spy.mock.calls).toEqual([["base:a", {}]]);
    },
  );

  test("setMeta and setItem of undefined are seen too", async () => {
    const storage = createStorage();
    const setItem = vi.spyOn(storage, "setItem");
    const removeItem = vi.spyOn(storage, "removeItem");
    await storage.setMeta("a", { b: 1 });
    await storage.setItem("c", undefined);
    expect(setItem.mock.calls[0].slice(0, 2)).toEqual(["a$", { b: 1 }]);
    expect(removeItem.mock.calls[0][0]).toBe("c");
  });

  test("a wrapper around a storage sees what setMeta and removeMeta write", async () => {
    const storage = createStorage();
    const seen = [];
    const wrapper = {
      ...storage,
      setItem: (key, value) => (seen.push(`set ${key}`), storage.setItem(key, value)),
      removeItem: (key) => (seen.push(`remove ${key}`), storage.removeItem(key)),
    };
    await wrapper.setMeta("a", { b: 1 });
    await prefixStorage(wrapper, "base").setMeta("c", { b: 1 });
    await wrapper.removeMeta("a");
    expect(seen).toEqual(["set a$", "set base:c$", "remove a$"]);
  });

  test("a storage survives being spread", async () => {
    const storage = { ...createStorage() };
    await storage.set("a", 1);
    expect(await storage.get("a")).toBe(1);
    expect(await storage.keys()).toEqual(["a"]);
  });
});
