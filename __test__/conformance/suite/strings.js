/** Keys and values of all kinds of characters. */
import { describe, expect, test } from "vitest";

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

export function describeStrings(open, { surrogates, lineFeeds = true, encodedKeys = false }) {
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
