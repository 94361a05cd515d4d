/** Many keys and large values: what is counted here grows with what was asked for, and with nothing else. */
import { createStorage } from "rustorage";
import fs from "rustorage/drivers/fs";
import { readdirSync } from "node:fs";
import { expect, test } from "vitest";
import { folder } from "../../folder.js";

const COUNT = 100_000;

const list = (length, make) => Array.from({ length }, (_, index) => make(index));

test("100,000 keys in one folder and 100,000 over folders", { timeout: 300_000 }, async () => {
  const base = folder();
  const storage = createStorage({ driver: fs({ base }) });
  const keys = [
    ...list(COUNT, (index) => `folder:${index}`),
    ...list(COUNT, (index) => `f${index % 100}:g${Math.floor(index / 100) % 100}:${index}`),
  ];
  for (let start = 0; start < keys.length; start += 5000) {
    const items = keys.slice(start, start + 5000).map((key) => ({ key, value: key }));
    await storage.setItems(items);
  }
  await storage.setItem("other:folder:item", 1, { ttl: 1000 });
  const listed = await storage.getKeys();
  expect(listed).toHaveLength(keys.length + 1);
  expect(new Set(listed)).toEqual(new Set([...keys, "other:folder:item"]));
  expect(await storage.getKeys("folder")).toHaveLength(COUNT);
  expect(await storage.getKeys("f7")).toHaveLength(COUNT / 100);
  expect(await storage.getKeys("other")).toEqual(["other:folder:item"]);
  expect(await storage.getKeys("", { maxDepth: 0 })).toEqual([]);
  const some = list(1000, (index) => keys[(index * 7919) % keys.length]);
  expect(await storage.getItems(some)).toEqual(some.map((key) => ({ key, value: key })));
  await storage.clear("other");
  expect(await storage.getKeys("other")).toEqual([]);
  await storage.clear();
  expect(await storage.getKeys()).toEqual([]);
  expect(readdirSync(base).filter((name) => !name.startsWith("."))).toEqual([]);
});

test("a value of 100 MB", { timeout: 120_000 }, async () => {
  const storage = createStorage({ driver: fs({ base: folder() }) });
  const bytes = Buffer.alloc(100 * 1024 * 1024, (number) => number);
  await storage.setItemRaw("bytes", bytes);
  expect(bytes.equals(await storage.getItemRaw("bytes"))).toBe(true);
  const text = "0123456789".repeat(10 * 1024 * 1024);
  await storage.setItem("text", text);
  expect((await storage.getItem("text", { type: "text" })) === text).toBe(true);
  expect((await storage.getMeta("text")).size).toBe(text.length);
});
