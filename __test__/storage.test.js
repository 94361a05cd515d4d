/** The storage itself, a block for each row of the table "Storage" in docs/compatibility.md. */
import {
  createStorage,
  filterKeyByBase,
  filterKeyByDepth,
  hasDotSegment,
  isNative,
  joinKeys,
  normalizeBaseKey,
  normalizeKey,
  prefixStorage,
  restoreSnapshot,
  snapshot,
} from "rustorage";
import lruCache from "rustorage/drivers/lru-cache";
import memory from "rustorage/drivers/memory";
import nullDriver from "rustorage/drivers/null";
import overlay from "rustorage/drivers/overlay";
import { createStorage as createUnstorage } from "unstorage";
import unstorageOverlay from "unstorage/drivers/overlay";
import { describe, expect, test, vi } from "vitest";
import { mapDriver } from "./conformance/map-driver.js";

/** A storage's events as they come, `event key` each. */
async function recorded(storage) {
  const events = [];
  const unwatch = await storage.watch((event, key) => events.push(`${event} ${key}`));
  return { events, unwatch };
}

/** A JavaScript driver that watches by itself, `report` being its own voice. */
function watchingDriver() {
  const stop = vi.fn();
  const driver = {
    ...mapDriver(),
    watch: vi.fn((callback) => {
      driver.report = callback;
      return stop;
    }),
    stop,
  };
  return driver;
}

describe("keys", () => {
  test.each([
    ["foo", "foo"],
    ["a/b\\c:d", "a:b:c:d"],
    [":a::/\\b:", "a:b"],
    ["a?b?c", "a"],
    ["a:?b", "a"],
    [" a : b ", " a : b "],
    ["Ä:É", "Ä:É"],
    ["a..:..b:...", "a..:..b:..."],
  ])("%j is stored as %j", async (key, normalized) => {
    const storage = createStorage();
    await storage.setItem(key, 1);
    expect(await storage.getKeys()).toEqual([normalized]);
    expect(normalizeKey(key)).toBe(normalized);
  });

  const invalid = ["", ":", "/", "?", "?a", ".", "..", "a:..", "../a", "a/./b", "a\\..\\b"];

  test.each(invalid)("%j is no key", async (key) => {
    const storage = createStorage();
    const message = `[unstorage] Invalid key: ${JSON.stringify(key)}`;
    await expect(storage.hasItem(key)).rejects.toThrow(message);
    await expect(storage.getItem(key)).rejects.toThrow(message);
    await expect(storage.getItem(key, { type: "bytes" })).rejects.toThrow(message);
    await expect(storage.getItemRaw(key)).rejects.toThrow(message);
    await expect(storage.setItem(key, 1)).rejects.toThrow(message);
    await expect(storage.setItem(key, undefined)).rejects.toThrow(message);
    await expect(storage.setItemRaw(key, 1)).rejects.toThrow(message);
    await expect(storage.removeItem(key)).rejects.toThrow(message);
    await expect(storage.getMeta(key)).rejects.toThrow(message);
    await expect(storage.setMeta(key, {})).rejects.toThrow(message);
    await expect(storage.removeMeta(key)).rejects.toThrow(message);
    await expect(storage.getItems(["a", key])).rejects.toThrow(message);
    await expect(storage.getItems([{ key }])).rejects.toThrow(message);
    await expect(storage.setItems([{ key, value: 1 }])).rejects.toThrow(message);
    expect(await storage.getKeys()).toEqual([]);
  });

  test("no key at all is no key", async () => {
    await expect(createStorage().getItem()).rejects.toThrow("[unstorage] Invalid key: undefined");
  });

  test("a batch over several mounts comes before the calls that are made after it", async () => {
    const storage = createStorage({ driver: mapDriver() }).mount("m", mapDriver());
    const keys = ["a", "m:a"];
    const written = storage.setItems(keys.map((key) => ({ key, value: key })));
    const read = Promise.all(keys.map((key) => storage.getItem(key)));
    await written;
    expect(await read).toEqual(keys);
  });

  test("an invalid key in a batch leaves the others unwritten", async () => {
    const storage = createStorage();
    const items = [
      { key: "a", value: 1 },
      { key: "..", value: 2 },
    ];
    await expect(storage.setItems(items)).rejects.toThrow('[unstorage] Invalid key: ".."');
    expect(await storage.getKeys()).toEqual([]);
  });

  test.each(["..", "a:.:b", "a/.."])("%j is no base", async (base) => {
    const storage = createStorage();
    const message = `[unstorage] Invalid base: ${JSON.stringify(base)}`;
    await expect(storage.getKeys(base)).rejects.toThrow(message);
    await expect(storage.clear(base)).rejects.toThrow(message);
    expect(() => storage.mount(base, memory())).toThrow(message);
    expect(storage.getMounts()).toHaveLength(1);
  });

  test("a base without characters is the root", async () => {
    const storage = createStorage();
    await storage.setItem("a", 1);
    for (const base of [undefined, "", ":", "/", "?a"]) {
      expect(await storage.getKeys(base)).toEqual(["a"]);
    }
  });

  test("the helpers agree with the storage", () => {
    expect(normalizeKey()).toBe("");
    expect(normalizeBaseKey("a/b?c")).toBe("a:b:");
    expect(normalizeBaseKey()).toBe("");
    expect(joinKeys("a", "/b/", "c:d", "")).toBe("a:b:c:d");
    expect([hasDotSegment("a:..:b"), hasDotSegment("."), hasDotSegment("a..:b.")]).toEqual([
      true,
      true,
      false,
    ]);
    expect([
      filterKeyByDepth("a:b", 0),
      filterKeyByDepth("a:b", 1),
      filterKeyByDepth("a:b"),
    ]).toEqual([false, true, true]);
    expect([
      filterKeyByBase("a:b", "a:"),
      filterKeyByBase("ab", "a:"),
      filterKeyByBase("a$"),
    ]).toEqual([true, false, false]);
  });

  test("normalizeKey stands on its own", () => {
    const inlined = new Function(`return ${normalizeKey.toString()}`)();
    expect(inlined("/a//b?c")).toBe("a:b");
  });
});

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

describe("getItems", () => {
  test("comes in input order over several mounts", async () => {
    const storage = createStorage().mount("js", mapDriver()).mount("none", nullDriver());
    await storage.setItems([
      { key: "js:a", value: 1 },
      { key: "b", value: 2 },
      { key: "js:c", value: 3 },
    ]);
    const items = ["js:c", { key: "b?query" }, "js:a", "none:x", "b"];
    expect(await storage.getItems(items)).toEqual([
      { key: "js:c", value: 3 },
      { key: "b", value: 2 },
      { key: "js:a", value: 1 },
      { key: "b", value: 2 },
    ]);
  });

  test("asks a driver that has getItems once a mount", async () => {
    const getItems = vi.fn((items) => items.map(({ key }) => ({ key, value: `"${key}"` })));
    const storage = createStorage().mount("js", { ...mapDriver(), getItems });
    await storage.setItem("b", 1);
    const items = ["js:a", "b", { key: "js:c", options: { own: true } }];
    expect(await storage.getItems(items, { common: true })).toEqual([
      { key: "js:a", value: "a" },
      { key: "b", value: 1 },
      { key: "js:c", value: "c" },
    ]);
    expect(getItems.mock.calls).toEqual([
      [
        [
          { key: "a", options: { common: true } },
          { key: "c", options: { common: true, own: true } },
        ],
        { common: true },
      ],
    ]);
  });

  test("a driver's getItems may leave keys out", async () => {
    const getItems = () => [{ key: "b", value: "2" }];
    const storage = createStorage({ driver: { ...mapDriver(), getItems } });
    expect(await storage.getItems(["a", "b"])).toEqual([{ key: "b", value: 2 }]);
  });
});

describe("setItems", () => {
  test("uses the driver's setItems once a mount", async () => {
    const setItems = vi.fn();
    const storage = createStorage().mount("js", { ...mapDriver(), setItems });
    const { events } = await recorded(storage);
    const items = [
      { key: "js:a", value: { a: 1 } },
      { key: "b", value: 2 },
      { key: "js:c", value: 3, options: { own: true } },
    ];
    await storage.setItems(items, { common: true });
    expect(setItems.mock.calls).toEqual([
      [
        [
          { key: "a", value: '{"a":1}', options: { common: true } },
          { key: "c", value: "3", options: { common: true, own: true } },
        ],
        { common: true },
      ],
    ]);
    expect(await storage.getItem("b")).toBe(2);
    expect(events.sort()).toEqual(["update b", "update js:a", "update js:c"]);
  });

  test("stores undefined", async () => {
    const storage = createStorage().mount("js", mapDriver());
    await storage.setItems([
      { key: "a", value: undefined },
      { key: "js:a", value: undefined },
    ]);
    for (const key of ["a", "js:a"]) {
      expect(await storage.hasItem(key)).toBe(true);
      expect(await storage.getItem(key)).toBe(undefined);
      expect(await storage.getItem(key, { type: "text" })).toBe("undefined");
    }
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

describe("meta", () => {
  const withMeta = () => ({ ...mapDriver(), getMeta: () => ({ size: 3, kind: "native" }) });

  test("is the native one with the stored one over it", async () => {
    const storage = createStorage({ driver: withMeta() });
    await storage.setMeta("foo", {
      kind: "mine",
      mtime: "2020-01-01T00:00:00.000Z",
      ctime: "text",
    });
    const meta = await storage.getMeta("foo");
    expect(Object.getPrototypeOf(meta)).toBe(null);
    expect({ ...meta }).toEqual({
      size: 3,
      kind: "mine",
      mtime: new Date("2020-01-01"),
      ctime: "text",
    });
    expect({ ...(await storage.getMeta("foo", { nativeOnly: true })) }).toEqual({
      size: 3,
      kind: "native",
    });
    expect({ ...(await storage.getMeta("foo", true)) }).toEqual({ size: 3, kind: "native" });
  });

  test("what is no object is no meta", async () => {
    const storage = createStorage();
    await storage.setItem("foo$", "text");
    expect({ ...(await storage.getMeta("foo")) }).toEqual({});
  });

  test("setMeta and removeMeta are items with events, and work detached", async () => {
    const storage = createStorage();
    const { setMeta, removeMeta } = storage;
    const { events } = await recorded(storage);
    await setMeta("a/b", { c: 1 });
    expect(await storage.getItem("a:b$")).toEqual({ c: 1 });
    await removeMeta("a:b");
    expect(await storage.hasItem("a:b$")).toBe(false);
    expect(events).toEqual(["update a:b$", "remove a:b$"]);
  });
});

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

describe("watch", () => {
  test("starts every mount with the first watcher and stops all with the last", async () => {
    const driver = watchingDriver();
    const storage = createStorage().mount("own", driver);
    expect(driver.watch).not.toHaveBeenCalled();
    const first = await recorded(storage);
    const second = await recorded(storage);
    expect(driver.watch).toHaveBeenCalledTimes(1);
    driver.report("update", "a/b");
    expect(first.events).toEqual(["update own:a:b"]);
    expect(second.events).toEqual(["update own:a:b"]);
    await first.unwatch();
    expect(driver.stop).not.toHaveBeenCalled();
    await second.unwatch();
    expect(driver.stop).toHaveBeenCalledTimes(1);
    driver.report("update", "late");
    expect(second.events).toHaveLength(1);
  });

  test("the storage is silent where the driver watches by itself", async () => {
    const storage = createStorage({ driver: watchingDriver() });
    const { events } = await recorded(storage);
    await storage.setItem("a", 1);
    await storage.setItemRaw("a", "raw");
    await storage.setItems([{ key: "a", value: 1 }]);
    await storage.removeItem("a");
    await storage.clear();
    expect(events).toEqual([]);
  });

  test("reaches mounts that come later and leaves those that go", async () => {
    const driver = watchingDriver();
    const storage = createStorage();
    const { events } = await recorded(storage);
    storage.mount("own", driver).mount("plain", memory());
    await vi.waitFor(() => expect(driver.watch).toHaveBeenCalledTimes(1));
    driver.report("remove", "a");
    await storage.setItem("plain:b", 1);
    expect(events).toEqual(["remove own:a", "update plain:b"]);
    await storage.unmount("own");
    await vi.waitFor(() => expect(driver.stop).toHaveBeenCalledTimes(1));
  });

  test("unwatch ends all and watching can begin again", async () => {
    const driver = watchingDriver();
    const storage = createStorage({ driver });
    const before = await recorded(storage);
    await storage.unwatch();
    await storage.unwatch();
    expect(driver.stop).toHaveBeenCalledTimes(1);
    const after = await recorded(storage);
    driver.report("update", "a");
    expect(before.events).toEqual([]);
    expect(after.events).toEqual(["update a"]);
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

describe("snapshot and restoreSnapshot", () => {
  test("take and give what is under a base", async () => {
    const storage = createStorage().mount("a:js", mapDriver());
    await storage.setItem("a:b", { c: 1 });
    await storage.setItem("a:js:d", "text");
    await storage.setItem("e", 1);
    const taken = await snapshot(storage, "a");
    expect(taken).toEqual({ b: { c: 1 }, "js:d": "text" });
    const other = createStorage();
    await restoreSnapshot(other, taken, "x/y");
    expect(await snapshot(other, "")).toEqual({ "x:y:b": { c: 1 }, "x:y:js:d": "text" });
  });

  test("go through getItem and setItem", async () => {
    const storage = createStorage();
    await storage.setItem("a", 1);
    const getItem = vi.spyOn(storage, "getItem");
    const setItem = vi.spyOn(storage, "setItem");
    await restoreSnapshot(storage, await snapshot(storage, ""));
    expect(getItem).toHaveBeenCalledTimes(1);
    expect(setItem.mock.calls.map((args) => args.slice(0, 2))).toEqual([["a", 1]]);
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
