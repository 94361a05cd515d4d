/** getKeys. */
import { describe, expect, test } from "vitest";

export function describeKeys(open, { order }) {
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
