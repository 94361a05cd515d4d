/** Items that expire. What damages their index is tested in tests/fs_expiry.rs. */
import { createStorage } from "rustorage";
import fs from "rustorage/drivers/fs";
import fsLite from "rustorage/drivers/fs-lite";
import * as unstorage from "unstorage";
import unstorageFs from "unstorage/drivers/fs";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { expect, test, vi } from "vitest";
import { folder } from "../../folder.js";

const INDEX = ".unstorage-tmp-rustorage-ttl-1";

test("the file goes by itself, and nobody hears of it", async () => {
  const base = folder();
  const storage = createStorage({ driver: fs({ base }) });
  const events = [];
  await storage.watch((event, key) => events.push(`${event} ${key}`));
  await storage.setItem("a:b", 1, { ttl: 1 });
  await vi.waitFor(() => expect(events).toEqual(["update a:b"]));
  await vi.waitFor(() => expect(readdirSync(join(base, "a"))).toEqual([]), 10_000);
  expect(readdirSync(base).sort()).toEqual([INDEX, "a"].sort());
  await storage.setItem("c", 2);
  await vi.waitFor(() => expect(events).toEqual(["update a:b", "update c"]));
  await storage.unwatch();
});

test("the option holds for items without a ttl of their own", async () => {
  const storage = createStorage({ driver: fs({ base: folder(), ttl: 0.05 }) });
  await storage.setItem("option", 1);
  await storage.setItem("own", 1, { ttl: 100 });
  await storage.setItem("none", 1, { ttl: Infinity });
  await storage.setItemRaw("raw", "text");
  await sleep(100);
  expect((await storage.getKeys()).sort()).toEqual(["none", "own"]);
  expect(Object.values(await storage.getMeta("raw")).every((value) => value === undefined)).toBe(
    true,
  );
  expect(await storage.getItems(["option", "own"])).toEqual([
    { key: "option", value: null },
    { key: "own", value: 1 },
  ]);
});

test("in place and through links, too", async () => {
  const storage = createStorage({ driver: fs({ base: folder(), atomic: false }) });
  await storage.setItem("a", "first", { ttl: 0.05 });
  await storage.setItem("a", "again");
  await storage.setItem("b", "first");
  await storage.setItem("b", "again", { ttl: 0.05 });
  await sleep(100);
  expect(await storage.getItem("a")).toBe("again");
  expect(await storage.getItem("b")).toBe(null);
});

test("nothing over nothing is a new writing", async () => {
  const storage = createStorage({ driver: fs({ base: folder(), atomic: false }) });
  await storage.setItem("a", "", { ttl: 0.05 });
  await storage.setItem("a", "");
  await sleep(100);
  expect(await storage.getItem("a")).toBe("");
});

test("what expires brings no older value to light", async () => {
  const base = folder();
  const storage = createStorage({ driver: fs({ base }) });
  const theirs = unstorage.createStorage({ driver: unstorageFs({ base }) });
  await storage.setItem("foo", 1);
  await storage.setItem("foo:bar", "old");
  await storage.removeItem("foo");
  await theirs.setItem("foo:bar", "theirs");
  await storage.setItem("foo:bar", "new", { ttl: 0.05 });
  await sleep(100);
  await vi.waitFor(async () => expect(await storage.getItem("foo:bar")).toBe(null), 10_000);
  expect(await storage.getKeys()).toEqual([]);
});

test("another driver and another process see an expiry within a second", async () => {
  const base = folder();
  const program = fileURLToPath(new URL("programs/reader.js", import.meta.url));
  const reader = spawn(process.execPath, [program, base], { stdio: ["ignore", "pipe", "inherit"] });
  try {
    // It has read the index, and that there is none.
    await once(reader.stdout, "data");
    const storage = createStorage({ driver: fs({ base }) });
    await storage.setItem("item", "value", { ttl: 3 });
    const seen = [];
    reader.stdout.on("data", (text) => seen.push(...String(text).trim().split("\n")));
    await vi.waitFor(() => expect(seen).toContain("value"), 10_000);
    const same = createStorage({ driver: fsLite({ base }) });
    expect(await same.getItem("item")).toBe("value");
    await sleep(4000);
    expect(await same.getItem("item")).toBe(null);
    expect(seen.at(-1)).toBe("null");
  } finally {
    reader.kill();
  }
});

test("what unstorage rewrites does not expire", async () => {
  const base = folder();
  const storage = createStorage({ driver: fs({ base }) });
  const theirs = unstorage.createStorage({ driver: unstorageFs({ base }) });
  await storage.setItem("item", "ours!", { ttl: 0.05 });
  await theirs.setItem("item", "their");
  await sleep(100);
  expect(await storage.getItem("item")).toBe("their");
  expect(await theirs.getKeys()).toEqual(["item"]);
});

test("a driver that may not write removes nothing", async () => {
  const base = folder();
  await createStorage({ driver: fs({ base }) }).setItem("other", 1);
  const storage = createStorage({ driver: fs({ base, readOnly: true, ttl: 1 }) });
  await storage.setItem("item", 1, { ttl: -1 });
  await storage.setItem("other", 2, { ttl: -1 });
  expect(await storage.getKeys()).toEqual(["other"]);
});

test("many items with a ttl are one short line each", async () => {
  const base = folder();
  const storage = createStorage({ driver: fs({ base }) });
  const keys = Array.from({ length: 200 }, (_, index) => `k:${index}`);
  await Promise.all(keys.map((key) => storage.setItem(key, key, { ttl: 100 })));
  const lines = readFileSync(join(base, INDEX), "utf8").split("\n").filter(Boolean);
  expect(lines).toHaveLength(200);
  for (const line of lines) expect(line).toMatch(/^\d+ \d+ \d+ \d+ \d+ k:\d+ [0-9a-f]{16}$/);
});

test("the index has the option mode, and what keeps it from being written is told at once", async () => {
  const base = folder();
  await createStorage({ driver: fs({ base, mode: 0o600 }) }).setItem("a", 1, { ttl: 100 });
  expect(statSync(join(base, INDEX)).mode & 0o7777).toBe(0o600);
  rmSync(join(base, INDEX));
  mkdirSync(join(base, INDEX));
  for (const atomic of [true, false]) {
    const storage = createStorage({ driver: fs({ base, atomic }) });
    await storage.setItem("a", "kept");
    for (const key of ["a", "b"]) {
      await expect(storage.setItem(key, "new", { ttl: 100 })).rejects.toMatchObject({
        code: "EISDIR",
        key,
        message: `[rustorage] [fs] setItem "${key}": EISDIR: is a directory, ${INDEX}`,
      });
    }
    expect(await storage.getItem("a")).toBe("kept");
    expect(readdirSync(base).sort()).toEqual([INDEX, "a"]);
  }
});
