/** Where fs differs from unstorage's on purpose. */
import { createStorage } from "rustorage";
import fs from "rustorage/drivers/fs";
import {
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import * as unstorage from "unstorage";
import unstorageFs from "unstorage/drivers/fs";
import { expect, test } from "vitest";
import { folder } from "../folder.js";
import { filled } from "./filled.js";

test("fs has() of a folder is false", async () => {
  const base = folder();
  mkdirSync(join(base, "foo"));
  const storage = createStorage({ driver: fs({ base }) });
  expect(await storage.hasItem("foo")).toBe(false);
  expect(await storage.getItem("foo")).toBe(null);
});

test("fs clears nothing that ignore names", async () => {
  const base = folder();
  const storage = createStorage({ driver: fs({ base }) });
  await filled(storage, "node_modules:package", "a:b");
  await storage.clear();
  expect(await storage.getItem("node_modules:package")).toBe("node_modules:package");
  expect(readdirSync(base)).toEqual(["node_modules"]);
});

test("getKeys(base) of fs reads the base's folder alone", async () => {
  const base = folder();
  mkdirSync(join(base, "co"));
  for (const name of ["co:lon", "co/a"]) writeFileSync(join(base, name), "");
  const storage = createStorage({ driver: fs({ base }) });
  const theirs = unstorage.createStorage({ driver: unstorageFs({ base }) });
  expect((await storage.getKeys()).sort()).toEqual(["co:a", "co:lon"]);
  expect((await theirs.getKeys()).sort()).toEqual(["co:a", "co:lon"]);
  expect(await storage.getKeys("co")).toEqual(["co:a"]);
  expect((await theirs.getKeys("co")).sort()).toEqual(["co:a", "co:lon"]);
  expect([await storage.getItem("co:lon"), await theirs.getItem("co:lon")]).toEqual([null, null]);
});

test("fs keeps foo beside foo:bar", async () => {
  for (const keys of [
    ["foo", "foo:bar", "foo:bar:baz"],
    ["foo:bar:baz", "foo:bar", "foo"],
  ]) {
    const storage = await filled(createStorage({ driver: fs({ base: folder() }) }), ...keys);
    for (const key of keys) expect(await storage.getItem(key)).toBe(key);
    expect((await storage.getKeys()).sort()).toEqual(["foo", "foo:bar", "foo:bar:baz"]);
    await storage.removeItem("foo:bar");
    expect(await storage.getItem("foo:bar")).toBe(null);
    expect((await storage.getKeys("foo")).sort()).toEqual(["foo:bar:baz"]);
  }
});

test("fs writes whole values", async () => {
  const base = folder();
  const inode = () => statSync(join(base, "a")).ino;
  const whole = createStorage({ driver: fs({ base }) });
  await whole.setItem("a", "one");
  const first = inode();
  await whole.setItem("a", "two");
  expect(inode()).not.toBe(first);
  const second = inode();
  await createStorage({ driver: fs({ base, atomic: false }) }).setItem("a", "three");
  expect(inode()).toBe(second);
  expect(readFileSync(join(base, "a"), "utf8")).toBe("three");
  expect(readdirSync(base)).toEqual(["a"]);
  expect(lstatSync(join(base, "a")).isFile()).toBe(true);
});

test("fs refuses only . and .. segments", async () => {
  const storage = createStorage({ driver: fs({ base: folder() }) });
  await storage.setItem("a..:b", 1);
  expect(await storage.getItem("a..:b")).toBe(1);
  await expect(storage.setItem("a:..:b", 1)).rejects.toThrow('[unstorage] Invalid key: "a:..:b"');
  for (const key of ["nul\0", "lone\ud800"]) {
    await expect(storage.setItem(key, 1)).rejects.toMatchObject({ code: "INVALID_KEY" });
  }
});

test("fs refuses names that are too long, and its own", async () => {
  const [base, theirs] = [
    folder(),
    unstorage.createStorage({ driver: unstorageFs({ base: folder() }) }),
  ];
  const storage = createStorage({ driver: fs({ base }) });
  for (const key of ["x".repeat(256), `${"x".repeat(200)}:`.repeat(25), ".rustorage-1:a"]) {
    await expect(storage.getItem(key)).rejects.toMatchObject({ code: "INVALID_KEY" });
    await expect(storage.setItem(key, 1)).rejects.toMatchObject({ code: "INVALID_KEY" });
  }
  expect(await theirs.getItem("x".repeat(256))).toBeInstanceOf(Error);
});

test("fs takes what has its bytes later as a raw value", async () => {
  const storage = createStorage({ driver: fs({ base: folder() }) });
  const theirs = unstorage.createStorage({ driver: unstorageFs({ base: folder() }) });
  for (const value of [
    new Blob(["bytes"]),
    new Blob(["bytes"]).stream(),
    Readable.from(["by", "tes"]),
  ]) {
    await storage.setItemRaw("key", value);
    expect(await storage.getItem("key")).toBe("bytes");
  }
  await expect(theirs.setItemRaw("key", new Blob(["bytes"]))).rejects.toThrow();
  await theirs.setItemRaw("key", ["by", "tes"]);
  await expect(storage.setItemRaw("key", ["by", "tes"])).rejects.toMatchObject({
    code: "INVALID_VALUE",
  });
});

test("fs reads and writes no devices, pipes and sockets", async () => {
  const base = folder();
  symlinkSync("/dev/zero", join(base, "endless"));
  const storage = createStorage({ driver: fs({ base }) });
  await expect(storage.getItem("endless")).rejects.toMatchObject({ code: "EOPNOTSUPP" });
  await expect(storage.setItem("endless", 1)).rejects.toMatchObject({ code: "EOPNOTSUPP" });
  expect(await storage.hasItem("endless")).toBe(true);
});

test("an absolute entry of ignore is no glob", async () => {
  const base = folder();
  writeFileSync(join(base, "a"), "");
  const ignore = [join(base, "*")];
  expect(() => fs({ base, ignore })).toThrow(/relative to base/);
  expect(await unstorageFs({ base, ignore }).getKeys()).toEqual(["a"]);
});

test("a pattern that stands for too many is refused", () => {
  for (const pattern of ["{1..9999}", "{a,b}".repeat(12), "!(a)".repeat(40)]) {
    expect(() => fs({ base: "unused", ignore: [pattern] })).toThrow(/`ignore`/);
  }
});
