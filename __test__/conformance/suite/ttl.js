/** An item's `ttl`, in drivers that have one. */
import { describe, expect, test, vi } from "vitest";
import { setTimeout as sleep } from "node:timers/promises";

export function describeTtl(open, { raw, expires }) {
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
