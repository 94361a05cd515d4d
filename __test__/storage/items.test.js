/** Single items: asked for, read, written, removed. */
import { createStorage } from "rustorage";
import lruCache from "rustorage/drivers/lru-cache";
import { describe, expect, test, vi } from "vitest";
import { mapDriver } from "../conformance/map-driver.js";
import { recorded } from "../events.js";

describe("hasItem", () => {
  test("is the driver's answer", async () => {
    const driver = { ...mapDriver(), hasItem: (key) => key === "known" };
    const storage = createStorage({ driver });
    expect(await storage.hasItem("known")).toBe(true);
    expect(await storage.has("unknown")).toBe(false);
  });
});

describe("getItem", () => {
  test.each([
    ["123", 123],
    ["-0.5", -0.5],
    ["1e3", 1000],
    [" true ", true],
    ["FALSE", false],
    ["null", null],
    ["undefined", undefined],
    ["nan", Number.NaN],
    ["Infinity", Infinity],
    ["-infinity", -Infinity],
    ["007", "007"],
    ["12345678901234567", "12345678901234567"],
    ['"quoted"', "quoted"],
    ['{"a":[1]}', { a: [1] }],
    ["{broken", "{broken"],
    [" text ", " text "],
    ["\u00a0true", true],
    ["", ""],
  ])("%j is read as %j", async (text, value) => {
    const storage = createStorage().mount("js", mapDriver());
    await storage.setItem("key", text);
    await storage.setItem("js:key", text);
    expect(await storage.getItem("key")).toEqual(value);
    expect(await storage.getItem("js:key")).toEqual(value);
    expect(await storage.getItem("key", { type: "text" })).toBe(text);
  });

  test("prototypes cannot be polluted", async () => {
    vi.spyOn(console, "warn").mockImplementation(() => {});
    const storage = createStorage();
    await storage.setItem("proto", '{"__proto__":{"a":1},"b":2}');
    await storage.setItem("constructor", '{"constructor":{"prototype":{"a":1}},"b":2}');
    await storage.setItem("harmless", { constructor: "text" });
    expect(Object.keys(await storage.getItem("proto"))).toEqual(["b"]);
    expect(Object.keys(await storage.getItem("constructor"))).toEqual(["b"]);
    expect(await storage.getItem("harmless")).toEqual({ constructor: "text" });
    expect({}.a).toBe(undefined);
  });

  test("a function is stored as nothing", async () => {
    const storage = createStorage();
    await storage.setItem("foo", () => {});
    expect(await storage.getItem("foo")).toBe(null);
    expect(await storage.hasItem("foo")).toBe(true);
  });
});

describe("setItem", () => {
  test("undefined removes; only setItemRaw passes its options on", async () => {
    const removeItem = vi.fn();
    const storage = createStorage({ driver: { ...mapDriver(), removeItem } });
    await storage.setItem("a", undefined, { mine: 1 });
    await storage.setItemRaw("b", undefined, { mine: 2 });
    expect(removeItem.mock.calls).toEqual([
      ["a", {}],
      ["b", { mine: 2 }],
    ]);
  });

  test.each([
    [-0, 0],
    [1e16, "10000000000000000"],
    [12n, 12],
    [Number.NaN, Number.NaN],
    [null, null],
    [new Date(0), "1970-01-01T00:00:00.000Z"],
    [{ toJSON: () => ({ a: 1 }) }, { a: 1 }],
    [Object.assign([], { 0: 1, 2: undefined, 3: () => {} }), [1, null, null, null]],
    [
      { a: undefined, b: () => {}, c: Number.NaN, d: -0 },
      { c: null, d: 0 },
    ],
    [Object.assign(Object.create(null), { a: 1 }), { a: 1 }],
  ])("%o comes back as %o", async (value, read) => {
    const storage = createStorage().mount("js", mapDriver()).mount("lru", lruCache());
    for (const key of ["key", "js:key", "lru:key"]) {
      await storage.setItem(key, value);
      expect(await storage.getItem(key)).toEqual(read);
    }
  });

  class Point {
    x = 1;
  }

  test.each([
    ["a Map", new Map()],
    ["a Set", new Set()],
    ["a class instance", new Point()],
    ["a Uint8Array", new Uint8Array(1)],
  ])("%s cannot be stored", async (_, value) => {
    const storage = createStorage().mount("js", mapDriver());
    const message = "[unstorage] Cannot stringify value!";
    await expect(storage.setItem("foo", value)).rejects.toThrow(message);
    await expect(storage.setItem("js:foo", value)).rejects.toThrow(message);
    await expect(storage.setItems([{ key: "foo", value }])).rejects.toThrow(message);
    expect(await storage.getKeys()).toEqual([]);
  });

  test("what toJSON throws, and a cycle, reach the caller", async () => {
    const storage = createStorage();
    const error = new Error("mine");
    const throwing = {
      toJSON() {
        throw error;
      },
    };
    const cycle = {};
    cycle.self = cycle;
    await expect(storage.setItem("foo", throwing)).rejects.toBe(error);
    await expect(storage.setItem("foo", cycle)).rejects.toThrow(TypeError);
    expect(await storage.hasItem("foo")).toBe(false);
  });

  test("a driver that cannot write is left alone", async () => {
    const { hasItem, getItem, getKeys } = mapDriver(new Map([["a", "1"]]));
    const storage = createStorage({ driver: { hasItem, getItem, getKeys } });
    const { events } = await recorded(storage);
    await storage.setItem("a", 2);
    await storage.setItem("a", new Map());
    await storage.setItemRaw("a", 2);
    await storage.setItems([{ key: "a", value: 2 }]);
    await storage.removeItem("a");
    await storage.clear();
    expect(await storage.getItem("a")).toBe(1);
    expect(events).toEqual([]);
  });
});

describe("raw values", () => {
  test("are base64 text in a driver that knows only text", async () => {
    const items = new Map();
    const storage = createStorage({ driver: mapDriver(items) });
    await storage.setItemRaw("bytes", new Uint8Array([1, 2, 3]));
    await storage.setItemRaw("text", "plain");
    expect(Object.fromEntries(items)).toEqual({ bytes: "base64:AQID", text: "plain" });
    expect([...(await storage.getItemRaw("bytes"))]).toEqual([1, 2, 3]);
    expect(await storage.getItemRaw("text")).toBe("plain");
  });

  test("go to the driver's own methods as they are", async () => {
    const value = { any: "value" };
    const driver = { ...mapDriver(), setItemRaw: vi.fn(), getItemRaw: () => value };
    const storage = createStorage({ driver });
    await storage.setItemRaw("foo", value, { mine: true });
    expect(driver.setItemRaw.mock.calls).toEqual([["foo", value, { mine: true }]]);
    expect(await storage.getItemRaw("foo")).toBe(value);
  });

  test("an item as raw is its text, a raw value as an item is itself", async () => {
    const storage = createStorage();
    await storage.setItem("item", { a: 1 });
    expect(await storage.getItemRaw("item")).toBe('{"a":1}');
    const value = new Map();
    await storage.setItemRaw("raw", value);
    expect(await storage.getItem("raw")).toBe(value);
  });
});

describe("removeItem", () => {
  test("passes options; a boolean means removeMeta", async () => {
    const removeItem = vi.fn();
    const storage = createStorage({ driver: { ...mapDriver(), removeItem } });
    await storage.removeItem("a", { mine: true });
    await storage.removeItem("b", true);
    await storage.removeItem("c", { removeMata: true });
    await storage.removeItem("d", false);
    expect(removeItem.mock.calls).toEqual([
      ["a", { mine: true }],
      ["b", { removeMeta: true }],
      ["b$", { removeMeta: true }],
      ["c", { removeMata: true }],
      ["c$", { removeMata: true }],
      ["d", { removeMeta: false }],
    ]);
  });

  test("is an event even where nothing was", async () => {
    const storage = createStorage().mount("js", mapDriver());
    const { events } = await recorded(storage);
    await storage.removeItem("missing");
    await storage.del("js:missing", true);
    expect(events).toEqual(["remove missing", "remove js:missing"]);
  });
});
