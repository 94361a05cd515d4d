/** `foo` beside `foo:bar`, which are a file and a folder of one name. docs/drivers/fs.md has the format. */
import { createStorage } from "rustorage";
import fs from "rustorage/drivers/fs";
import * as theirs1 from "unstorage-v1";
import theirsFs1 from "unstorage-v1/drivers/fs";
import * as theirs2 from "unstorage";
import theirsFs2 from "unstorage/drivers/fs";
import theirsFsLite2 from "unstorage/drivers/fs-lite";
import { execFile, spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { folder } from "../../folder.js";

const VALUE = ".unstorage-tmp-rustorage-value-1";

const open = (base, options) => createStorage({ driver: fs({ base, ...options }) });

test("the earlier file never moves, and the format is the documented one", async () => {
  const base = folder();
  const storage = open(base);
  await storage.setItem("foo", "file");
  await storage.setItem("foo:bar", "beside a file");
  await storage.setItem("dir:x", "in a folder");
  await storage.setItem("dir", "beside a folder");
  const text = (path) => readFileSync(join(base, path), "utf8");
  expect(text("foo")).toBe("file");
  expect(text(`.rustorage-1/foo/bar/${VALUE}`)).toBe("beside a file");
  expect(text("dir/x")).toBe("in a folder");
  expect(text(`dir/${VALUE}`)).toBe("beside a folder");
});

test("has, meta, raw values and batches see both", async () => {
  const storage = open(folder());
  await storage.setItemRaw("foo:bar", Buffer.from([1, 2, 3]));
  await storage.setItem("foo", "value");
  for (const key of ["foo", "foo:bar"]) expect(await storage.hasItem(key)).toBe(true);
  expect(await storage.hasItem("foo:other")).toBe(false);
  expect((await storage.getMeta("foo")).size).toBe(5);
  expect((await storage.getMeta("foo:bar")).size).toBe(3);
  expect([...(await storage.getItemRaw("foo:bar"))]).toEqual([1, 2, 3]);
  expect(await storage.getItems(["foo", "foo:none"])).toEqual([
    { key: "foo", value: "value" },
    { key: "foo:none", value: null },
  ]);
});

test("what was in the way goes, and the item stays; its next write goes to its own file", async () => {
  const base = folder();
  const storage = open(base);
  await storage.setItem("foo", 1);
  await storage.setItem("foo:bar:baz", 2);
  await storage.removeItem("foo");
  expect(await storage.getItem("foo:bar:baz")).toBe(2);
  expect(await storage.getKeys("foo")).toEqual(["foo:bar:baz"]);
  await storage.setItem("foo:bar:baz", 3);
  expect(readFileSync(join(base, "foo/bar/baz"), "utf8")).toBe("3");
  expect(existsSync(join(base, ".rustorage-1"))).toBe(false);
  await storage.removeItem("foo:bar:baz");
  await storage.setItem("foo", 4);
  expect(await storage.getItem("foo")).toBe(4);
  expect(await storage.getItem("foo:bar:baz")).toBe(null);
});

test("an empty folder is in nobody's way", async () => {
  const base = folder();
  mkdirSync(join(base, "foo"));
  await open(base).setItem("foo", 1);
  expect(readFileSync(join(base, "foo"), "utf8")).toBe("1");
});

test("no older value comes to light", async () => {
  const base = folder();
  const storage = open(base);
  await storage.setItem("foo", 1);
  await storage.setItem("foo:bar", "old");
  await storage.removeItem("foo");
  // As another program would.
  mkdirSync(join(base, "foo"));
  writeFileSync(join(base, "foo/bar"), "new");
  expect(await storage.getItem("foo:bar")).toBe("new");
  expect(await storage.getKeys()).toEqual(["foo:bar"]);
  await storage.removeItem("foo:bar");
  expect(await storage.getItem("foo:bar")).toBe(null);
});

test("lists and clears go by the base and the depth", async () => {
  const storage = open(folder());
  const keys = ["a", "a:b", "a:b:c", "a:b:c:d", "a:x:y", "e:f:g", "e:f", "e"];
  for (const key of keys) await storage.setItem(key, key);
  const list = async (base, maxDepth) => (await storage.getKeys(base, { maxDepth })).sort();
  expect(await list()).toEqual([...keys].sort());
  expect(await list("", 0)).toEqual(["a", "e"]);
  expect(await list("", 1)).toEqual(["a", "a:b", "e", "e:f"]);
  expect(await list("a:b")).toEqual(["a:b:c", "a:b:c:d"]);
  expect(await list("a", 2)).toEqual(["a:b", "a:b:c", "a:x:y"]);
  await storage.clear("a:b");
  expect(await list()).toEqual(["a", "a:b", "a:x:y", "e", "e:f", "e:f:g"]);
  await storage.clear("e");
  expect(await list()).toEqual(["a", "a:b", "a:x:y", "e"]);
});

test("a mount over the same folder sees the same items", async () => {
  const base = folder();
  const storage = open(base).mount("data", fs({ base: join(base, "sub") }));
  await storage.setItem("data:foo", 1);
  await storage.setItem("sub:foo:bar", 2);
  await storage.setItem("data:x:y", 3);
  await storage.setItem("sub:x", 4);
  expect(await storage.getItem("data:foo:bar")).toBe(2);
  expect(await storage.getItem("data:x")).toBe(4);
  expect((await storage.getKeys("data")).sort()).toEqual([
    "data:foo",
    "data:foo:bar",
    "data:x",
    "data:x:y",
  ]);
});

test("clear leaves nothing of overflow behind", async () => {
  const base = folder();
  const storage = open(base);
  for (const key of ["foo", "foo:bar", "foo:bar:baz", "a:b", "a"]) await storage.setItem(key, key);
  await storage.clear();
  expect(readdirSync(base)).toEqual([]);
});

test.each([".rustorage-1:x", "a:.unstorage-tmp-rustorage-value-1"])("%s is no key", async (key) => {
  const storage = open(folder());
  await expect(storage.setItem(key, 1)).rejects.toMatchObject({ code: "INVALID_KEY" });
  await expect(storage.getItem(key)).rejects.toMatchObject({ code: "INVALID_KEY" });
});

test("the documented way back leaves what unstorage alone would have written", async () => {
  const base = folder();
  const storage = open(base);
  await storage.setItem("foo:bar", "in the way");
  await storage.setItem("foo", "stays");
  await storage.setItem("file", "in the way");
  await storage.setItem("file:stays", "stays", { ttl: 1000 });
  for (const [gone, stays] of [
    ["foo:bar", "foo"],
    ["file", "file:stays"],
  ]) {
    await storage.removeItem(gone);
    const value = await storage.getItemRaw(stays);
    await storage.removeItem(stays);
    await storage.setItemRaw(stays, value);
  }
  rmSync(join(base, ".unstorage-tmp-rustorage-ttl-1"));
  expect(readdirSync(base, { recursive: true }).sort()).toEqual(["file", "file/stays", "foo"]);
  const theirs = theirs1.createStorage({ driver: theirsFs1({ base }) });
  expect((await theirs.getKeys()).sort()).toEqual(["file:stays", "foo"]);
  expect(await theirs.getItem("foo")).toBe("stays");
});

test("unstorage is not disturbed", async () => {
  const base = folder();
  const storage = open(base);
  for (const key of ["foo", "foo:bar", "a:b", "a", "plain:c"]) await storage.setItem(key, key);
  for (const driver of [theirsFs2({ base }), theirsFsLite2({ base })]) {
    const other = theirs2.createStorage({ driver });
    expect((await other.getKeys()).sort()).toEqual(["a:b", "foo", "plain:c"]);
    expect(await other.getItem("foo")).toBe("foo");
  }
  const old = theirs1.createStorage({ driver: theirsFs1({ base }) });
  expect(await old.getItem("a:b")).toBe("a:b");
  await old.setItem("a:b", "by 1.17");
  await old.removeItem("foo");
  expect(await storage.getItem("a:b")).toBe("by 1.17");
  expect(await storage.getItem("foo:bar")).toBe("foo:bar");
  await old.clear();
  expect(await storage.getKeys()).toEqual([]);
});

test(
  "two processes write 1,000 pairs at once, and all are whole",
  { timeout: 60_000 },
  async () => {
    const base = folder();
    const program = fileURLToPath(new URL("programs/pairs.js", import.meta.url));
    const write = (which) =>
      new Promise((resolve, reject) => {
        const child = spawn(process.execPath, [program, base, which], { stdio: "inherit" });
        child.once("error", reject);
        child.once("exit", (code) =>
          code === 0 ? resolve() : reject(new Error(`ended with ${code}`)),
        );
      });
    await Promise.all([write("item"), write("below")]);
    const storage = open(base);
    const keys = Array.from({ length: 1000 }, (_, index) => [
      `p${index}`,
      `p${index}:below`,
    ]).flat();
    for (const key of keys) expect(await storage.getItem(key)).toBe(key.padEnd(3000, "."));
    expect((await storage.getKeys()).sort()).toEqual(keys.sort());
  },
);

test.each([{}, { durable: true }, { followSymlinks: false }])(
  "two processes in each other's way fail at nothing: %j",
  { timeout: 120_000 },
  async (options) => {
    const base = folder();
    const program = fileURLToPath(new URL("programs/race.js", import.meta.url));
    const race = (seed) =>
      promisify(execFile)(process.execPath, [program, base, seed, JSON.stringify(options)]);
    const ended = await Promise.all([race("1"), race("77")]);
    for (const { stdout } of ended) expect(JSON.parse(stdout)).toEqual([]);
  },
);
