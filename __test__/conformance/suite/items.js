/** Single items: written, read, removed. */
import { describe, expect, test } from "vitest";

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

export function describeItems(open, { nested, empties = true }) {
  describe("items", () => {
    test.each(VALUES)("gives %s back", async (_, value) => {
      const { storage } = await open();
      await storage.setItem("foo", value);
      const isKept = empties || value !== "";
      expect(await storage.getItem("foo")).toEqual(isKept ? value : null);
      expect(await storage.hasItem("foo")).toBe(isKept);
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
