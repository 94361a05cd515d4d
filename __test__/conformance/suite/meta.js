/** Metadata, the driver's own and the stored one. */
import { describe, expect, test } from "vitest";

export function describeMeta(open, { meta: fields = [], metaOfItems = fields }) {
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
