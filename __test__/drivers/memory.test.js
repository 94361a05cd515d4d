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

test("getInstance is a live Map-like view, from which items may be removed while it is walked", async () => {
  const driver = memory();
  const storage = createStorage({ driver });
  for (const key of ["a", "b", "c"]) await storage.setItem(key, { key });
  const map = driver.getInstance();
  const seen = [];
  for (const [key, text] of map) {
    seen.push(text);
    map.delete("b");
    if (key === "a") map.set("a", "changed");
  }
  expect(seen).toEqual(['{"key":"a"}', '{"key":"c"}']);
  expect(await storage.getItem("a")).toBe("changed");
  expect([map.size, [...map.keys()], driver.getInstance() === map]).toEqual([2, ["a", "c"], true]);
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

test.each([
  ["as many alike as are copied", () => users(170)],
  ["more alike than are copied", () => users(400)],
  ["a first that is the longest", () => [users(100), 1, "text", null, users(1)]],
  ["a first that is the shortest", () => [0, ...users(400)]],
  ["no items", () => [[], [[]], {}]],
])(
  "a list of %s is the value that JSON would give, and the caller's no longer",
  async (_, make) => {
    const storage = createStorage({ driver: memory() });
    const value = { list: make() };
    await storage.setItem("a", value);
    value.list.length = 0;
    const read = await storage.getItem("a");
    expect(read).toEqual({ list: make() });
    read.list.length = 0;
    expect(await storage.getItem("a")).toEqual({ list: make() });
  },
);

function users(count) {
  const user = (_, id) => ({
    id,
    name: `user ${id}`,
    mail: `${id}@users.example`,
    tags: ["a", "b"],
  });
  return Array.from({ length: count }, user);
}
