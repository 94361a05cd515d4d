/** Many keys and large values: what is counted here grows with what was asked for, and with nothing else. */
import { createStorage } from "rustorage";
import fs from "rustorage/drivers/fs";
import { readFileSync, readdirSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { folder } from "./folder.js";

const COUNT = 100_000;

const list = (length, make) => Array.from({ length }, (_, index) => make(index));

/** How often the process asked the system to read from a file. */
const reads = () => Number(readFileSync("/proc/self/io", "utf8").match(/syscr: (\d+)/)[1]);

describe.each([
  ["in one folder", (index) => `folder:${index}`],
  ["over folders", (index) => `f${index % 100}:g${Math.floor(index / 100) % 100}:${index}`],
])("100,000 keys %s", (_, keyOf) => {
  test("are written, listed, read and cleared", { timeout: 300_000 }, async () => {
    const base = folder();
    const storage = createStorage({ driver: fs({ base, atomic: false }) });
    const keys = list(COUNT, keyOf);
    for (let start = 0; start < COUNT; start += 5000) {
      const items = keys.slice(start, start + 5000).map((key) => ({ key, value: key }));
      await storage.setItems(items);
    }
    await storage.setItem("other:folder:item", 1, { ttl: 1000 });
    const listed = await storage.getKeys();
    expect(listed).toHaveLength(COUNT + 1);
    expect(new Set(listed)).toEqual(new Set([...keys, "other:folder:item"]));
    // A list reads no file; the test runner may read some.
    const before = reads();
    expect(await storage.getKeys("other")).toEqual(["other:folder:item"]);
    expect(await storage.getKeys("", { maxDepth: 0 })).toEqual([]);
    expect(reads() - before).toBeLessThan(1000);
    const some = list(1000, (index) => keys[(index * 7919) % COUNT]);
    expect(await storage.getItems(some)).toEqual(some.map((key) => ({ key, value: key })));
    await storage.clear("other");
    await storage.clear();
    expect(await storage.getKeys()).toEqual([]);
    expect(readdirSync(base).filter((name) => !name.startsWith("."))).toEqual([]);
  });
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
