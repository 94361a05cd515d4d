/** getItem with a type. */
import { describe, expect, test } from "vitest";

export function describeTypes(open) {
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
