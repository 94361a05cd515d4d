/**
 * What every driver does, native or JavaScript, asked through a storage: once mounted at the root, once under a mount
 * point and seen through a prefixed view.
 *
 * `create()` makes an empty driver. `capabilities` say what it can do:
 * - keeps: false for a driver that stores nothing
 * - writes: false for one that only reads, and holds `foo` with the value "bar" and `dir:item` with 1
 * - clears: false for one that does not clear
 * - raw: "identity" where a raw value comes back as the same JavaScript value, "bytes" where its bytes do
 * - ttl: whether an item's `ttl` holds; false must show in `flags.ttl` too; leave it out where nothing is said
 * - surrogates: whether keys and values may hold lone surrogates
 * - order: "insertion", "newest", "sorted" or none: the order of getKeys
 * - nested: whether the keys `foo` and `foo:bar` may both exist
 * - meta: the fields of native meta
 * - forgets: whether dispose empties it
 * - reopens: false for one whose client is the caller's, and of no use after dispose
 * - metaOfItems: those of an item that is there, if these are others
 * - watches: whether the driver tells of changes by itself, some time later
 * - lineFeeds: false where keys can hold none
 * - encodedKeys: keys are encoded as in URLs, and `%20` is a space
 * - listsMeta: false where the store does not list the keys that end in `$`, and clear so cannot tell of them
 * - expires: whether it tells that an item has expired, as a removal
 */
import { createStorage, normalizeKey, prefixStorage } from "rustorage";
import { describe, expect, test, vi } from "vitest";
import { setTimeout as sleep } from "node:timers/promises";

const PLACES = [
  { place: "at the root", base: "" },
  { place: "under a mount point", base: "mount:point:" },
];

export function conformance(name, { create, capabilities }) {
  describe(name, () => {
    describe.each(PLACES)("$place", ({ base }) => {
      const open = async () => {
        const driver = await create();
        const storage = createStorage();
        storage.mount(base, driver);
        return { driver, storage: prefixStorage(storage, base), depth: base.split(":").length - 1 };
      };
      if (capabilities.keeps === false) describeEmpty(open);
      else if (capabilities.writes === false) describeReading(open);
      else if (capabilities.clears === false) describeStaying(open);
      else describeKeeping(open, capabilities);
    });
  });
}

function describeEmpty(open) {
  test("takes everything and gives nothing back", async () => {
    const { storage } = await open();
    await storage.setItem("foo", "bar");
    await storage.setItemRaw("raw", new Uint8Array([1]));
    await storage.setItems([{ key: "batch", value: 1 }]);
    await storage.setMeta("foo", { a: 1 });
    await storage.removeItem("foo", { removeMeta: true });
    await storage.clear();
    expect(await storage.hasItem("foo")).toBe(false);
    expect(await storage.getItem("foo")).toBe(null);
    expect(await storage.getItemRaw("raw")).toBe(null);
    expect(await storage.getItem("raw", { type: "bytes" })).toBe(null);
    expect(await storage.getItems(["foo", "batch"])).toEqual([]);
    expect(await storage.getMeta("foo")).toEqual({});
    expect(await storage.getKeys()).toEqual([]);
    await storage.dispose();
  });
}

function describeReading(open) {
  test("reads what is there, and nothing changes it", async () => {
    const { storage } = await open();
    await storage.setItem("foo", "new");
    await storage.setItemRaw("dir:item", "new");
    await storage.setItems([{ key: "batch", value: 1 }]);
    await storage.setMeta("foo", { a: 1 });
    await storage.removeItem("foo", { removeMeta: true });
    await storage.clear("dir");
    await storage.clear();
    expect((await storage.getKeys()).sort()).toEqual(["dir:item", "foo"]);
    expect(await storage.getKeys("dir")).toEqual(["dir:item"]);
    expect(await storage.getItem("foo")).toBe("bar");
    expect(await storage.getItemRaw("dir:item")).toEqual(Buffer.from("1"));
    expect(await storage.getItems(["dir:item", "batch"])).toEqual([
      { key: "dir:item", value: 1 },
      { key: "batch", value: null },
    ]);
    expect([await storage.hasItem("foo"), await storage.hasItem("batch")]).toEqual([true, false]);
    expect((await storage.getMeta("foo")).size).toBe(3);
    await storage.dispose();
  });
}

function describeKeeping(open, capabilities) {
  describeItems(open, capabilities);
  describeStrings(open, capabilities);
  describeTypes(open);
  describeRaw(open, capabilities);
  describeKeys(open, capabilities);
  describeClear(open, capabilities);
  describeBatches(open);
  describeMeta(open, capabilities);
  describeEvents(open, capabilities);
  if (capabilities.ttl) describeTtl(open, capabilities);
  if (capabilities.ttl === false) {
    test("says that it knows no ttl", async () => {
      const { driver } = await open();
      expect(driver.flags.ttl).toBe(false);
    });
  }
  describeDriver(open, capabilities);
}

const VALUES = [
  ["a string", "bar"],
  ["the empty string", ""],
  ["a number", 42.5],
  ["a negative number", -7],
  ["true", true],
  ["false", false],
  ["null", null],
  ["an object", { a: 1, b: { c: [true, null, "d"] } }],
  ["an array", [1, "two", { three: 3 }]],
  ["an empty object", {}],
  ["an empty array", []],
];

function describeItems(open, { nested }) {
  describe("items", () => {
    test.each(VALUES)("gives %s back", async (_, value) => {
      const { storage } = await open();
      await storage.setItem("foo", value);
      expect(await storage.getItem("foo")).toEqual(value);
      expect(await storage.hasItem("foo")).toBe(true);
    });

    test("a miss is null", async () => {
      const { storage } = await open();
      expect(await storage.getItem("foo")).toBe(null);
      expect(await storage.getItemRaw("foo")).toBe(null);
      expect(await storage.hasItem("foo")).toBe(false);
    });

    test("the last write holds", async () => {
      const { storage } = await open();
      await storage.setItem("foo", { long: "value".repeat(50) });
      await storage.setItem("foo", "short");
      expect(await storage.getItem("foo")).toBe("short");
      expect(await storage.getKeys()).toEqual(["foo"]);
    });

    test("writes that nobody awaited hold in the order they were made", async () => {
      const { storage } = await open();
      await Promise.all(Array.from({ length: 50 }, (_, index) => storage.setItem("foo", index)));
      expect(await storage.getItem("foo")).toBe(49);
    });

    test("later changes of a value do not reach what is stored", async () => {
      const { storage } = await open();
      const value = { list: [1, { deep: true }] };
      await storage.setItem("foo", value);
      value.list[1].deep = false;
      const read = await storage.getItem("foo");
      read.list.push("mine");
      expect(await storage.getItem("foo")).toEqual({ list: [1, { deep: true }] });
    });

    test("undefined removes", async () => {
      const { storage } = await open();
      await storage.setItem("foo", "bar");
      await storage.setItem("foo", undefined);
      expect(await storage.hasItem("foo")).toBe(false);
      await storage.setItemRaw("foo", "bar");
      await storage.setItemRaw("foo", undefined);
      expect(await storage.getKeys()).toEqual([]);
    });

    test("removes an item, and a missing one without complaint", async () => {
      const { storage } = await open();
      await storage.setItem("foo:a", 1);
      await storage.setItem("foo:b", 2);
      await storage.removeItem("foo:a");
      await storage.removeItem("foo:a");
      expect(await storage.getItem("foo:a")).toBe(null);
      expect(await storage.hasItem("foo:a")).toBe(false);
      expect(await storage.getKeys()).toEqual(["foo:b"]);
    });

    test.each(["a/b", "a\\b", "/a//b/", ":a::b:", "a:b?query=1"])("%s is a:b", async (key) => {
      const { storage } = await open();
      await storage.setItem(key, "value");
      expect(await storage.getItem("a:b")).toBe("value");
      expect(await storage.getItem(key)).toBe("value");
      expect(await storage.getKeys()).toEqual(["a:b"]);
    });

    if (nested) {
      test("foo and foo:bar both exist", async () => {
        const { storage } = await open();
        await storage.setItem("foo", 1);
        await storage.setItem("foo:bar", 2);
        await storage.setItem("a:b", 3);
        await storage.setItem("a", 4);
        expect(await storage.getItem("foo")).toBe(1);
        expect(await storage.getItem("foo:bar")).toBe(2);
        expect((await storage.getKeys()).sort()).toEqual(["a", "a:b", "foo", "foo:bar"]);
        await storage.removeItem("foo");
        expect(await storage.getItem("foo:bar")).toBe(2);
      });
    }
  });
}

const STRINGS = [
  ["Latin-1", "naïve-café"],
  ["two-byte", "ключ-鍵"],
  ["astral", "😀🦀"],
  ["decomposed", "e\u0301"],
  ["with spaces", " a b "],
  ["with punctuation", "a%20#&='\"`$<>|*b"],
  ["with a line feed", "a\nb"],
  ["like a number", "007"],
  ["like a property", "__proto__"],
  ["200 characters long", "x".repeat(200)],
];

function describeStrings(open, { surrogates, lineFeeds = true, encodedKeys = false }) {
  describe("strings", () => {
    const keys = STRINGS.filter(([, key]) => lineFeeds || !key.includes("\n")).map(
      ([name, key]) => [name, encodedKeys ? key.replace("%20", "%") : key],
    );
    test.each(keys)("a key %s", async (_, key) => {
      const { storage } = await open();
      await storage.setItem(key, "value");
      await storage.setItem(`under:${key}`, "value");
      expect(await storage.getItem(key)).toBe("value");
      expect(await storage.hasItem(`under:${key}`)).toBe(true);
      expect((await storage.getKeys()).sort()).toEqual([key, `under:${key}`].sort());
      await storage.removeItem(key);
      expect(await storage.getKeys()).toEqual([`under:${key}`]);
    });

    test.each(STRINGS)("a value %s", async (_, value) => {
      const { storage } = await open();
      await storage.setItem("foo", value);
      expect(await storage.getItem("foo")).toBe(value);
      await storage.setItem("foo", { [`k${value}`]: value });
      expect(await storage.getItem("foo")).toEqual({ [`k${value}`]: value });
    });

    test("values of 1 MB", async () => {
      const { storage } = await open();
      const values = ["x", "é", "ж", "😀"].map((character) =>
        character.repeat((1024 * 1024) / character.length),
      );
      for (const value of values) {
        await storage.setItem("foo", value);
        expect((await storage.getItem("foo")) === value).toBe(true);
      }
    });

    if (surrogates) {
      test("keys and values with lone surrogates", async () => {
        const { storage } = await open();
        await storage.setItem("a\ud800b", "low \udfff");
        await storage.setItem("a\ud801b", { high: "\ud800" });
        expect(await storage.getItem("a\ud800b")).toBe("low \udfff");
        expect(await storage.getItem("a\ud801b")).toEqual({ high: "\ud800" });
        expect((await storage.getKeys()).sort()).toEqual(["a\ud800b", "a\ud801b"]);
      });
    } else {
      test("a key with a lone surrogate is invalid", async () => {
        const { storage } = await open();
        await expect(storage.setItem("a\ud800b", "value")).rejects.toMatchObject({
          code: "INVALID_KEY",
        });
        expect(await storage.getKeys()).toEqual([]);
      });
    }
  });
}

function describeTypes(open) {
  describe("getItem by type", () => {
    test("text is not parsed, json is", async () => {
      const { storage } = await open();
      await storage.setItem("number", "123");
      await storage.setItem("object", { a: 1 });
      expect(await storage.getItem("number")).toBe(123);
      expect(await storage.getItem("number", { type: "text" })).toBe("123");
      expect(await storage.getItem("object", { type: "text" })).toBe('{"a":1}');
      expect(await storage.getItem("object", { type: "json" })).toEqual({ a: 1 });
    });

    test("bytes, blob and stream", async () => {
      const { storage } = await open();
      await storage.setItem("foo", "héllo");
      const bytes = await storage.getItem("foo", { type: "bytes" });
      expect(bytes).toBeInstanceOf(Uint8Array);
      expect(Buffer.from(bytes).toString()).toBe("héllo");
      const blob = await storage.getItem("foo", { type: "blob" });
      expect(blob).toBeInstanceOf(Blob);
      expect(await blob.text()).toBe("héllo");
      const stream = await storage.getItem("foo", { type: "stream" });
      expect(stream).toBeInstanceOf(ReadableStream);
      expect(await new Response(stream).text()).toBe("héllo");
    });

    test("raw bytes as text and as bytes", async () => {
      const { storage } = await open();
      await storage.setItemRaw("foo", new TextEncoder().encode('{"a":1}'));
      expect(await storage.getItem("foo", { type: "text" })).toBe('{"a":1}');
      expect(await storage.getItem("foo", { type: "json" })).toEqual({ a: 1 });
      const bytes = await storage.getItem("foo", { type: "bytes" });
      expect(Buffer.from(bytes).toString()).toBe('{"a":1}');
    });

    test.each(["text", "json", "bytes", "blob", "stream"])("a miss is null as %s", async (type) => {
      const { storage } = await open();
      expect(await storage.getItem("foo", { type })).toBe(null);
    });
  });
}

function describeRaw(open, { raw }) {
  describe("raw values", () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);

    test("bytes come back", async () => {
      const { storage } = await open();
      await storage.setItemRaw("foo", bytes);
      const read = await storage.getItemRaw("foo");
      expect(Buffer.from(read).equals(bytes)).toBe(true);
      expect(await storage.hasItem("foo")).toBe(true);
    });

    test("a view gives only what it shows", async () => {
      const { storage } = await open();
      await storage.setItemRaw("foo", bytes.subarray(10, 13));
      expect([...(await storage.getItemRaw("foo"))]).toEqual([10, 11, 12]);
    });

    test("a string is stored as it is", async () => {
      const { storage } = await open();
      await storage.setItemRaw("foo", "plain text");
      expect(await storage.getItem("foo")).toBe("plain text");
      expect(Buffer.from(await storage.getItemRaw("foo")).toString()).toBe("plain text");
    });

    test("no bytes at all are not a miss", async () => {
      const { storage } = await open();
      await storage.setItemRaw("foo", new Uint8Array(0));
      expect(await storage.getItemRaw("foo")).toHaveLength(0);
    });

    if (raw === "identity") {
      test.each([
        ["bytes", bytes],
        ["an object", { a: 1 }],
        ["a Map", new Map([["a", 1]])],
        ["a function", () => {}],
        ["a symbol", Symbol("raw")],
      ])("%s: the same value", async (_, value) => {
        const { storage } = await open();
        await storage.setItemRaw("foo", value);
        expect(await storage.getItemRaw("foo")).toBe(value);
      });
    }
  });
}

function describeKeys(open, { order }) {
  describe("getKeys", () => {
    const fill = async (storage) => {
      for (const key of ["foo:a", "foo:b:c", "foobar:x", "top"]) await storage.setItem(key, key);
    };

    test("lists everything", async () => {
      const { storage } = await open();
      expect(await storage.getKeys()).toEqual([]);
      await fill(storage);
      expect((await storage.getKeys()).sort()).toEqual(["foo:a", "foo:b:c", "foobar:x", "top"]);
    });

    test.each(["foo", "foo:", "/foo/"])("a base matches whole segments: %s", async (base) => {
      const { storage } = await open();
      await fill(storage);
      expect((await storage.getKeys(base)).sort()).toEqual(["foo:a", "foo:b:c"]);
    });

    test("an unknown base has no keys", async () => {
      const { storage } = await open();
      await fill(storage);
      expect(await storage.getKeys("fo")).toEqual([]);
      expect(await storage.getKeys("top")).toEqual([]);
      expect(await storage.getKeys("foo:b:c")).toEqual([]);
    });

    test("maxDepth counts in the full key", async () => {
      const { storage, depth } = await open();
      await fill(storage);
      const keys = async (base, maxDepth) => (await storage.getKeys(base, { maxDepth })).sort();
      expect(await keys("", depth)).toEqual(["top"]);
      expect(await keys("", depth + 1)).toEqual(["foo:a", "foobar:x", "top"]);
      expect(await keys("", depth + 2)).toEqual(["foo:a", "foo:b:c", "foobar:x", "top"]);
      expect(await keys("foo", depth)).toEqual([]);
      expect(await keys("foo", depth + 1)).toEqual(["foo:a"]);
    });

    if (order) {
      test(`order: ${order}`, async () => {
        const { storage } = await open();
        for (const key of ["c", "a", "b"]) await storage.setItem(key, 1);
        expect(await storage.getKeys()).toEqual(
          { insertion: ["c", "a", "b"], newest: ["b", "a", "c"], sorted: ["a", "b", "c"] }[order],
        );
      });
    }
  });
}

function describeClear(open, { nested }) {
  describe("clear", () => {
    const keys = ["foo:a", "foo:b:c", "foo:b:d", "foobar:x", "top"];
    const fill = async (storage) => {
      for (const key of keys) await storage.setItem(key, key);
      await storage.setMeta("foo:a", { of: "foo:a" });
      await storage.setMeta("top", { of: "top" });
    };

    test("everything", async () => {
      const { storage } = await open();
      await fill(storage);
      await storage.clear();
      expect(await storage.getKeys()).toEqual([]);
      expect(await storage.getItem("top")).toBe(null);
      expect(await storage.getItem("top$")).toBe(null);
      await storage.clear();
      await storage.setItem("top", 1);
      expect(await storage.getItem("top")).toBe(1);
    });

    test("what is under the base, meta included, and no more", async () => {
      const { storage } = await open();
      await fill(storage);
      await storage.clear("foo");
      expect((await storage.getKeys()).sort()).toEqual(["foobar:x", "top"]);
      expect(await storage.getItem("foo:a")).toBe(null);
      expect(await storage.getItem("foo:a$")).toBe(null);
      expect(await storage.getItem("top$")).toEqual({ of: "top" });
    });

    test("a deeper base, and one that holds nothing", async () => {
      const { storage } = await open();
      await fill(storage);
      await storage.clear("foo:b");
      await storage.clear("fo");
      await storage.clear("top");
      await storage.clear("none:at:all");
      expect((await storage.getKeys()).sort()).toEqual(["foo:a", "foobar:x", "top"]);
    });

    if (nested) {
      test("leaves the item that is called as the base", async () => {
        const { storage } = await open();
        await storage.setItem("foo", "item");
        await storage.setItem("foo:a", "under it");
        await storage.clear("foo");
        expect(await storage.getItem("foo")).toBe("item");
        expect(await storage.getKeys()).toEqual(["foo"]);
      });
    }
  });
}

function describeStaying(open) {
  test("clear does nothing", async () => {
    const { storage } = await open();
    await storage.setItem("foo:a", 1);
    await storage.setMeta("foo:a", { a: 1 });
    await storage.clear();
    await storage.clear("foo");
    expect(await storage.getKeys()).toEqual(["foo:a"]);
    expect(await storage.getItem("foo:a")).toBe(1);
    expect(await storage.getItem("foo:a$")).toEqual({ a: 1 });
    await storage.removeItem("foo:a", { removeMeta: true });
    expect(await storage.getKeys()).toEqual([]);
  });
}

function describeBatches(open) {
  describe("batches", () => {
    test("getItems answers in the order of the question, duplicates and misses included", async () => {
      const { storage } = await open();
      await storage.setItems([
        { key: "a", value: 1 },
        { key: "b/c", value: { deep: true } },
        { key: "d", value: "text" },
      ]);
      expect(await storage.getItems(["d", "none", "b:c?q", "a", "d"])).toEqual([
        { key: "d", value: "text" },
        { key: "none", value: null },
        { key: "b:c", value: { deep: true } },
        { key: "a", value: 1 },
        { key: "d", value: "text" },
      ]);
    });

    test("an item's options override the common ones", async () => {
      const { storage } = await open();
      await storage.setItem("a", 1);
      await storage.setItem("b", 2);
      const items = ["a", { key: "b", options: { type: "json" } }];
      expect(await storage.getItems(items, { type: "text" })).toEqual([
        { key: "a", value: "1" },
        { key: "b", value: 2 },
      ]);
    });

    test("empty batches", async () => {
      const { storage } = await open();
      await storage.setItems([]);
      expect(await storage.getItems([])).toEqual([]);
    });

    test("a hundred items", async () => {
      const { storage } = await open();
      const items = Array.from({ length: 100 }, (_, index) => ({
        key: `k:${index}`,
        value: index,
      }));
      await storage.setItems(items);
      expect(await storage.getItems(items.map(({ key }) => key))).toEqual(items);
      expect(await storage.getKeys("k")).toHaveLength(100);
    });
  });
}

function describeMeta(open, { meta: fields = [], metaOfItems = fields }) {
  describe("meta", () => {
    test("is an item of its own that getKeys hides", async () => {
      const { storage } = await open();
      await storage.setItem("foo", "bar");
      await storage.setMeta("foo", { a: 1, mtime: new Date(0) });
      const meta = await storage.getMeta("foo");
      expect(Object.getPrototypeOf(meta)).toBe(null);
      expect(meta).toMatchObject({ a: 1, mtime: new Date(0) });
      expect(await storage.getKeys()).toEqual(["foo"]);
      expect(await storage.getItem("foo$")).toEqual({ a: 1, mtime: new Date(0).toISOString() });
      expect(await storage.getMeta("foo", { nativeOnly: true })).not.toHaveProperty("a");
      await storage.removeMeta("foo");
      expect(await storage.getMeta("foo")).not.toHaveProperty("a");
      expect(await storage.getItem("foo")).toBe("bar");
    });

    test("goes with its item only if asked", async () => {
      const { storage } = await open();
      for (const key of ["a", "b", "c"]) {
        await storage.setItem(key, key);
        await storage.setMeta(key, { of: key });
      }
      await storage.removeItem("a");
      await storage.removeItem("b", { removeMeta: true });
      await storage.removeItem("c", true);
      expect(await storage.getItem("a$")).toEqual({ of: "a" });
      expect(await storage.getItem("b$")).toBe(null);
      expect(await storage.getItem("c$")).toBe(null);
    });

    test("of what is not there", async () => {
      const { storage } = await open();
      const meta = await storage.getMeta("foo");
      expect(Object.keys(meta).sort()).toEqual([...fields].sort());
      expect(Object.values(meta).every((value) => value === undefined)).toBe(true);
    });

    if (fields.length > 0) {
      test("native fields", async () => {
        const { storage } = await open();
        const before = Date.now() - 1000;
        await storage.setItem("foo", "four");
        const meta = await storage.getMeta("foo");
        expect(Object.keys(meta).sort()).toEqual([...metaOfItems].sort());
        if (fields.includes("size")) expect(meta.size).toBe(4);
        if (fields.includes("mtime")) {
          expect(meta.mtime).toBeInstanceOf(Date);
          expect(meta.mtime.getTime()).toBeGreaterThan(before);
        }
      });
    }
  });
}

function describeEvents(open, { watches, listsMeta = true }) {
  test("each change is one event", async () => {
    const { storage } = await open();
    const events = [];
    const unwatch = await storage.watch((event, key) => events.push(`${event} ${key}`));
    const heard = async (...expected) => {
      if (watches)
        await vi.waitFor(() => expect(events.length).toBeGreaterThanOrEqual(expected.length), 5000);
      expect(events.splice(0).sort()).toEqual(expected);
    };
    await storage.setItem("a/b", 1);
    await storage.setItemRaw("raw", "text");
    await heard("update a:b", "update raw");
    await storage.setItems([
      { key: "c", value: 1 },
      { key: "d", value: 2 },
    ]);
    await heard("update c", "update d");
    await storage.removeItem("c");
    await storage.setMeta("d", { a: 1 });
    await heard("remove c", "update d$");
    await storage.clear("a");
    await heard("remove a:b");
    await storage.clear();
    await heard("remove d", ...(listsMeta ? ["remove d$"] : []), "remove raw");
    expect(await storage.getItem("d$")).toBe(null);
    await unwatch();
    await storage.setItem("a", 1);
    await heard();
  });
}

function describeTtl(open, { raw, expires }) {
  describe("ttl, in seconds", () => {
    test("an item ends, alone", async () => {
      const { storage } = await open();
      // Long enough for a slow disk to answer in the meantime.
      await storage.setItem("short", "value", { ttl: 1 });
      await storage.setItemRaw("raw", "value", { ttl: 1 });
      await storage.setItems([{ key: "batch", value: 1, options: { ttl: 1 } }]);
      await storage.setItem("long", "value", { ttl: 100 });
      const events = [];
      await storage.watch((event, key) => events.push([event, key]));
      expect(await storage.getItem("short")).toBe("value");
      expect((await storage.getKeys()).sort()).toEqual(["batch", "long", "raw", "short"]);
      await sleep(1100);
      expect(await storage.getItem("short")).toBe(null);
      expect(await storage.hasItem("short")).toBe(false);
      expect(await storage.getItemRaw("raw")).toBe(null);
      expect(await storage.getItem("batch")).toBe(null);
      expect(await storage.getKeys()).toEqual(["long"]);
      const gone = expires ? ["batch", "raw", "short"].map((key) => ["remove", key]) : [];
      await vi.waitFor(() => expect(events.toSorted()).toEqual(gone));
      await storage.unwatch();
    });

    test("a later write decides anew", async () => {
      const { storage } = await open();
      await storage.setItem("kept", 1, { ttl: 0.03 });
      await storage.setItem("kept", 2);
      await storage.setItem("ended", 1);
      await storage.setItem("ended", 2, { ttl: 0.03 });
      await sleep(70);
      expect(await storage.getItem("kept")).toBe(2);
      expect(await storage.getItem("ended")).toBe(null);
    });

    test.each([0, Number.NaN, Infinity, undefined])("%s is none", async (ttl) => {
      const { storage } = await open();
      await storage.setItem("foo", 1, { ttl });
      await sleep(10);
      expect(await storage.getItem("foo")).toBe(1);
    });

    test.each(["60", true, [60]])("%j is refused", async (ttl) => {
      const { driver, storage } = await open();
      for (const call of [
        () => storage.setItem("foo", 1, { ttl }),
        () => storage.setItemRaw("foo", "1", { ttl }),
        () => storage.setItems([{ key: "foo", value: 1 }], { ttl }),
        () => storage.setItems([{ key: "foo", value: 1, options: { ttl } }]),
        async () => driver.setItem("foo", "1", { ttl }),
      ]) {
        await expect(call()).rejects.toMatchObject({
          code: "INVALID_OPTIONS",
          message: expect.stringContaining("`ttl`"),
        });
      }
      expect(await storage.getKeys()).toEqual([]);
    });

    test("a negative one ends at once", async () => {
      const { storage } = await open();
      await storage.setItem("foo", 1);
      await storage.setItem("foo", 2, { ttl: -1 });
      expect(await storage.getItem("foo")).toBe(null);
      expect(await storage.getKeys()).toEqual([]);
    });

    if (raw === "identity") {
      test("what ended and comes again is a new value", async () => {
        const { storage } = await open();
        await storage.setItemRaw("foo", { first: true }, { ttl: 0.02 });
        await sleep(50);
        const second = { second: true };
        await storage.setItemRaw("foo", second);
        expect(await storage.getItemRaw("foo")).toBe(second);
        expect(await storage.getKeys()).toEqual(["foo"]);
      });
    }
  });
}

function describeDriver(open, { forgets, reopens = true }) {
  test("the driver's methods work detached and by themselves", async () => {
    const { driver } = await open();
    const { hasItem, getItem, setItem, removeItem, getKeys } = driver;
    await setItem("foo:a", "text", {});
    await setItem("top", "other", {});
    expect(await hasItem("foo:a", {})).toBe(true);
    expect(await getItem("foo:a", {})).toBe("text");
    // A driver may list paths: storages normalise what they are given.
    const keys = [...(await getKeys("", {}))].map((key) => normalizeKey(key));
    expect(keys.sort()).toEqual(["foo:a", "top"]);
    await removeItem("foo:a", {});
    expect(await getItem("foo:a", {})).toBe(null);
  });

  test("the storage's methods work detached", async () => {
    const { storage } = await open();
    const { setItem, getItem, hasItem, getKeys, setMeta, getMeta, removeItem, clear } = storage;
    await setItem("foo", 1);
    await setMeta("foo", { a: 1 });
    expect([await getItem("foo"), await hasItem("foo")]).toEqual([1, true]);
    expect(await getMeta("foo")).toMatchObject({ a: 1 });
    await removeItem("foo", true);
    expect(await getKeys()).toEqual([]);
    await setItem("bar", 1);
    await clear();
    expect(await getKeys()).toEqual([]);
  });

  test("is of use again after dispose, and dispose may come twice", async () => {
    const { driver, storage } = await open();
    await storage.setItem("before", 1);
    await driver.dispose?.();
    await driver.dispose?.();
    if (!reopens) {
      await expect(storage.getItem("before")).rejects.toMatchObject({ driver: driver.name });
      return;
    }
    expect(await storage.getItem("before")).toBe(forgets ? null : 1);
    await storage.setItem("after", 2);
    expect(await storage.getItem("after")).toBe(2);
    await storage.dispose();
  });
}
