/** getItems and setItems. */
import { describe, expect, test } from "vitest";

export function describeBatches(open) {
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
