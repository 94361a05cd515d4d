/** getItemRaw and setItemRaw. */
import { describe, expect, test } from "vitest";

export function describeRaw(open, { raw, empties = true }) {
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

    test(`no bytes at all are ${empties ? "not " : ""}a miss`, async () => {
      const { storage } = await open();
      await storage.setItemRaw("foo", new Uint8Array(0));
      const read = await storage.getItemRaw("foo");
      expect(read && [...Buffer.from(read)]).toEqual(empties ? [] : null);
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
