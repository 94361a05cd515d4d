/** Calls that are answered at once: they let other things happen, and never overtake calls in flight. */
import { createStorage } from "rustorage";
import fs from "rustorage/drivers/fs";
import { AsyncLocalStorage } from "node:async_hooks";
import { expect, test } from "vitest";
import { folder } from "../../folder.js";

test.each(["getItem", "getItemRaw", "hasItem"])(
  "a loop of %s lets the event loop turn",
  async (method) => {
    const storage = createStorage({ driver: fs({ base: folder() }) });
    await storage.setItem("a:b", "value");
    let turns = 0;
    let going = true;
    const turn = () => {
      turns++;
      if (going) setImmediate(turn);
    };
    setImmediate(turn);
    for (let index = 0; index < 5000; index++) await storage[method]("a:b");
    going = false;
    expect(turns).toBeGreaterThan(2);
  },
);

test("keys of many segments cost a turn of the event loop as much as they take", async () => {
  const storage = createStorage({ driver: fs({ base: folder() }) });
  const deep = Array(1500).fill("d").join(":");
  await storage.setItem(`${deep}:item`, 1);
  let turns = 0;
  let going = true;
  const turn = () => {
    turns++;
    if (going) setImmediate(turn);
  };
  setImmediate(turn);
  for (let index = 0; index < 100; index++) {
    expect(await storage.hasItem(`${deep}:${index % 2 ? "item" : "none"}`)).toBe(index % 2 === 1);
    expect(await storage.getItem(`${deep}:none`)).toBe(null);
  }
  going = false;
  expect(turns).toBeGreaterThan(100);
});

test("no call overtakes one that is in flight", async () => {
  const storage = createStorage({ driver: fs({ base: folder() }) });
  for (let round = 0; round < 300; round++) {
    void storage.setItem("a:b", round);
    const read = storage.getItem("a:b");
    void storage.removeItem("a:b");
    const there = storage.hasItem("a:b");
    void storage.setItem("a:c", round);
    void storage.clear("a");
    const cleared = storage.hasItem("a:c");
    expect(await Promise.all([read, there, cleared])).toEqual([round, false, false]);
  }
});

test("the async context is the caller's after each await", async () => {
  const storage = createStorage({ driver: fs({ base: folder() }) });
  await storage.setItem("a", 1);
  const context = new AsyncLocalStorage();
  const run = (name) =>
    context.run(name, async () => {
      for (let index = 0; index < 100; index++) {
        await storage.getItem("a");
        await storage.getItems(["a", "b"]);
        await storage.hasItem("a");
        expect(context.getStore()).toBe(name);
      }
    });
  await Promise.all(["one", "two", "three"].map(run));
});
