/** What a driver in JavaScript may be and do. */
import { createStorage, prefixStorage } from "rustorage";
import overlay from "rustorage/drivers/overlay";
import { describe, expect, test } from "vitest";
import { mapDriver } from "../conformance/map-driver.js";
import { recorded } from "../events.js";

describe("JavaScript drivers", () => {
  test("four methods are enough", async () => {
    const assets = {
      getKeys: () => Promise.resolve(["page:index"]),
      hasItem: (key) => Promise.resolve(key === "page:index"),
      getItem: (key) => Promise.resolve(key === "page:index" ? "<p>" : null),
      getMeta: () => Promise.resolve({ type: "text/html" }),
    };
    const storage = createStorage().mount("assets", assets);
    expect(await storage.getKeys("assets")).toEqual(["assets:page:index"]);
    expect(await storage.getItem("assets/page/index")).toBe("<p>");
    expect(await storage.hasItem("assets:none")).toBe(false);
    expect({ ...(await storage.getMeta("assets:page:index")) }).toEqual({ type: "text/html" });
    await storage.setItem("assets:page:index", "mine");
    await storage.removeItem("assets:page:index");
    await storage.clear("assets");
    await storage.dispose();
    expect(await storage.getItem("assets:page:index")).toBe("<p>");
  });

  test("may answer with plain values, promises, thenables and what is no text", async () => {
    // oxlint-disable-next-line unicorn/no-thenable -- a thenable is what is tested
    const thenable = { then: (resolve) => resolve('{"a":1}') };
    const answers = { plain: "1", promise: Promise.resolve("2"), thenable, object: { b: 2 } };
    const storage = createStorage({ driver: { ...mapDriver(), getItem: (key) => answers[key] } });
    expect(await storage.getItem("plain")).toBe(1);
    expect(await storage.getItem("promise")).toBe(2);
    expect(await storage.getItem("thenable")).toEqual({ a: 1 });
    expect(await storage.getItem("object")).toBe(answers.object);
    expect(await storage.getItem("undefined")).toBe(null);
  });

  test("may be objects of a class, as layers too", async () => {
    class Items {
      #items = new Map();
      heard = undefined;
      hasItem(key) {
        return this.#items.has(key);
      }
      getItem(key) {
        return this.#items.get(key) ?? null;
      }
      setItem(key, value) {
        this.#items.set(key, value);
        this.heard?.("update", key);
      }
      removeItem(key) {
        this.#items.delete(key);
      }
      getKeys() {
        return [...this.#items.keys()];
      }
      watch(callback) {
        this.heard = callback;
        return () => (this.heard = undefined);
      }
      dispose() {
        this.#items.clear();
      }
    }
    const layer = new Items();
    const storage = createStorage({ driver: new Items() }).mount(
      "layered",
      overlay({ layers: [layer, new Items()] }),
    );
    const { events } = await recorded(storage);
    await storage.setItem("a", 1);
    await storage.setItem("layered:b", 2);
    expect(await storage.getItems(["a", "layered:b"])).toEqual([
      { key: "a", value: 1 },
      { key: "layered:b", value: 2 },
    ]);
    expect((await storage.getKeys()).sort()).toEqual(["a", "layered:b"]);
    expect(events).toEqual(["update a", "update layered:b"]);
    await storage.clear();
    expect(await storage.getKeys()).toEqual([]);
    await storage.setItem("a", 1);
    await storage.setItem("layered:b", 2);
    await storage.dispose();
    expect([await storage.hasItem("a"), layer.hasItem("b")]).toEqual([false, false]);
  });

  const failing = (fail) => ({
    hasItem: fail,
    getItem: fail,
    getItemRaw: fail,
    setItem: fail,
    setItemRaw: fail,
    removeItem: fail,
    getMeta: fail,
    getKeys: fail,
    clear: fail,
    dispose: fail,
  });
  const error = new Error("mine");
  const ways = {
    throws: () => {
      throw error;
    },
    rejects: () => Promise.reject(error),
  };

  test.each(Object.keys(ways))("the same error reaches the caller of one that %s", async (way) => {
    const storage = createStorage({ driver: failing(ways[way]) });
    const calls = [
      storage.hasItem("a"),
      storage.getItem("a"),
      storage.getItem("a", { type: "bytes" }),
      storage.getItemRaw("a"),
      storage.getItems(["a"]),
      storage.setItem("a", 1),
      storage.setItemRaw("a", 1),
      storage.setItems([{ key: "a", value: 1 }]),
      storage.removeItem("a"),
      storage.getMeta("a"),
      storage.getKeys(),
      storage.clear(),
      storage.dispose(),
      prefixStorage(storage, "b").getItem("a"),
    ];
    const results = await Promise.allSettled(calls);
    expect(results.map(({ reason }) => reason === error)).toEqual(calls.map(() => true));
  });

  test("a failed write is no event", async () => {
    const storage = createStorage({ driver: failing(ways.rejects) });
    const { events } = await recorded(storage);
    await expect(storage.setItem("a", 1)).rejects.toBe(error);
    await expect(storage.removeItem("a")).rejects.toBe(error);
    expect(events).toEqual([]);
  });

  test("a storage as a driver reports its own events", async () => {
    const inner = createStorage();
    const storage = createStorage().mount("inner", inner);
    const { events } = await recorded(storage);
    await storage.setItem("inner:a", { b: 1 });
    await inner.removeItem("a");
    expect(events).toEqual(["update inner:a", "remove inner:a"]);
  });
});
