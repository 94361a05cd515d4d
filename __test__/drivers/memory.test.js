/** What memory does by itself, beyond what every driver does. */
import { createStorage } from "rustorage";
import memory from "rustorage/drivers/memory";
import { afterEach, expect, test } from "vitest";
import { native } from "../../js/native.js";

afterEach(() => native.setClock(-1));

test("many items that expire at once go away in several sweeps", async () => {
  native.setClock(0);
  const storage = createStorage();
  for (let index = 0; index < 25_000; index++) {
    await storage.setItem(`short:${index}`, index, { ttl: 1 });
  }
  await storage.setItem("long", 1, { ttl: 3 });
  native.setClock(1000);
  expect([native.sweep(), native.sweep(), native.sweep()]).toEqual([0, 0, 2000]);
  expect(await storage.getKeys()).toEqual(["long"]);
});

test("an item written anew has the life that the last write gave it", async () => {
  native.setClock(0);
  const storage = createStorage({ driver: memory() });
  await storage.setItem("a", 1, { ttl: 1 });
  await storage.setItem("a", 2);
  await storage.setItem("b", 1);
  await storage.setItem("b", 2, { ttl: 1 });
  native.setClock(1000);
  expect(await storage.getItem("a")).toBe(2);
  expect(await storage.getItem("b")).toBe(null);
});
