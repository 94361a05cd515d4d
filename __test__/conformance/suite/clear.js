/** clear. */
import { describe, expect, test } from "vitest";

export function describeClear(open, { nested }) {
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
