/** Where memory and lru-cache differ from unstorage's on purpose. */
import { createStorage } from "rustorage";
import lruCache from "rustorage/drivers/lru-cache";
import memory from "rustorage/drivers/memory";
import { expect, test } from "vitest";
import { filled } from "./filled.js";

test("getInstance is Map-like", async () => {
  for (const make of [memory, lruCache]) {
    const driver = make();
    await createStorage({ driver }).setItem("a", { b: 1 });
    const map = driver.getInstance();
    expect([map.size, map.get("a"), [...map.keys()]]).toEqual([1, '{"b":1}', ["a"]]);
    map.delete("a");
    expect(map.has("a")).toBe(false);
  }
});

test("memory has limits", async () => {
  const two = createStorage({ driver: memory({ maxEntries: 2 }) });
  await filled(two, "a", "b", "c");
  expect(await two.getKeys()).toEqual(["b", "c"]);
  const bytes = createStorage({ driver: memory({ maxBytes: 10 }) });
  await bytes.setItem("a", "é".repeat(4));
  expect(await bytes.getKeys()).toEqual(["a"]);
  await bytes.setItem("b", "12");
  expect(await bytes.getKeys()).toEqual(["b"]);
  const large = bytes.setItem("b", "1234567890");
  await expect(large).rejects.toMatchObject({ code: "TOO_LARGE", key: "b", driver: "memory" });
  expect(await bytes.getItem("b")).toBe(12);
  const odd = bytes.setItemRaw("c", { no: "size" });
  await expect(odd).rejects.toMatchObject({ code: "INVALID_VALUE", operation: "setItemRaw" });
});

test("lru-cache refuses fetchMethod and memoMethod", () => {
  for (const name of ["fetchMethod", "memoMethod"]) {
    expect(() => lruCache({ [name]: () => 1 })).toThrow(name);
  }
});
