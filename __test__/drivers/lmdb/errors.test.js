/** Files, folders and disks that cannot be used, each refused before anything is harmed. */
import { createStorage } from "rustorage";
import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  statSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { open } from "../embedded/drivers.js";
import { start } from "../embedded/processes.js";
import { folder } from "../../folder.js";
import { NOBODY, canBeNobody, canMount, disk } from "../../root.js";

/** A file with items that nobody uses. */
async function made(path, count = 200) {
  const driver = open("lmdb", path);
  const value = "x".repeat(1000);
  await createStorage({ driver }).setItems(
    Array.from({ length: count }, (_, index) => ({ key: `item:${index}`, value })),
  );
  await driver.dispose();
  return readFileSync(path);
}

async function refused(path, options) {
  const driver = open("lmdb", path, options);
  const storage = createStorage({ driver });
  const failures = [];
  for (const call of [
    () => storage.getItem("item:1"),
    () => storage.setItem("item:1", "new"),
    () => storage.getKeys(),
    () => storage.getItems(["item:1", "item:2"]),
    () => storage.clear(),
  ]) {
    failures.push(
      await call().then(
        () => undefined,
        ({ code, driver, message }) => ({ code, driver, message }),
      ),
    );
  }
  await driver.dispose();
  return failures;
}

test("a process that was killed while it read does not make the file grow", async () => {
  const path = join(folder(), "items");
  const storage = createStorage({ driver: open("lmdb", path) });
  const write = async (times) => {
    for (let number = 0; number < times; number++) {
      await storage.setItem("item", String(number % 10).repeat(500_000));
    }
    return statSync(path).size;
  };
  await write(10);
  // Most are killed while they have a snapshot.
  for (let number = 0; number < 3; number++) {
    const { child, ended } = await start("reading", { name: "lmdb", path, key: "item" });
    child.kill("SIGKILL");
    await ended;
  }
  await sleep(1000);
  const before = await write(10);
  expect(await write(40)).toBeLessThan(before + 2_000_000);
}, 30_000);

test("a file that ends too early is refused and stays as it is", async () => {
  const path = join(folder(), "items");
  const whole = await made(path);
  for (const size of [whole.length - 1, whole.length - 4096, whole.length >> 1, 8192, 5000, 100]) {
    writeFileSync(path, whole);
    truncateSync(path, size);
    for (const failure of await refused(path)) {
      expect(failure).toMatchObject({
        driver: "lmdb",
        code: expect.stringMatching(/^MDB_(CORRUPTED|INVALID)$/),
      });
    }
    expect(statSync(path).size).toBe(size);
    expect(readFileSync(path).equals(whole.subarray(0, size))).toBe(true);
  }
  writeFileSync(path, whole);
  expect(await createStorage({ driver: open("lmdb", path) }).getKeys()).toHaveLength(200);
});

test("damage that LMDB finds in the midst of a file", async () => {
  const path = join(folder(), "items");
  const damaged = await made(path);
  // Leaves that say that they are none.
  for (let page = 2 * 4096; page < damaged.length; page += 4096) {
    const holds = damaged.subarray(page, page + 4096).includes("item:");
    if (holds && damaged.readUInt16LE(page + 10) === 2) damaged.writeUInt16LE(0, page + 10);
  }
  writeFileSync(path, damaged);
  const corrupted = { code: "MDB_CORRUPTED", driver: "lmdb" };
  for (const failure of await refused(path)) expect(failure).toMatchObject(corrupted);
  const storage = createStorage({ driver: open("lmdb", path) });
  // Each after another that has met it in the same snapshot.
  for (let round = 0; round < 3; round++) {
    await expect(storage.getKeys()).rejects.toMatchObject(corrupted);
    await expect(storage.getItem("item:1")).rejects.toMatchObject(corrupted);
    await expect(storage.getItems(["item:1", "item:2"])).rejects.toMatchObject(corrupted);
  }
});

test.each([
  ["text", Buffer.from("This is no database, but somebody needs it. ".repeat(1000))],
  ["a few bytes", Buffer.from("x")],
  ["zeros", Buffer.alloc(100_000)],
  ["SQLite's", Buffer.from(`SQLite format 3\0${"x".repeat(10_000)}`)],
])("a file of something else is refused and stays as it is: %s", async (_, content) => {
  const path = join(folder(), "items");
  writeFileSync(path, content);
  for (const failure of await refused(path)) {
    expect(failure).toMatchObject({ code: "MDB_INVALID", driver: "lmdb" });
  }
  expect(readFileSync(path).equals(content)).toBe(true);
});

test("a database of another version or format is refused and stays as it is", async () => {
  const path = join(folder(), "items");
  const whole = await made(path);
  const other = Buffer.from(whole);
  for (const page of [0, 4096]) other.writeUInt32LE(999, page + 20);
  writeFileSync(path, other);
  for (const failure of await refused(path)) {
    expect(failure).toMatchObject({ code: "MDB_VERSION_MISMATCH", driver: "lmdb" });
  }
  expect(readFileSync(path).equals(other)).toBe(true);
  // The format's number stands after its key.
  const newer = Buffer.from(whole);
  for (let at = newer.indexOf("format1"); at >= 0; at = newer.indexOf("format1", at + 1)) {
    newer.write("format2", at);
  }
  writeFileSync(path, newer);
  for (const failure of await refused(path)) {
    expect(failure).toMatchObject({
      code: "MDB_VERSION_MISMATCH",
      message: expect.stringContaining("newer rustorage"),
    });
  }
  expect(readFileSync(path).equals(newer)).toBe(true);
});

test("a folder in the file's place, and a file in the folder's", async () => {
  const base = folder();
  const path = join(base, "items");
  mkdirSync(path);
  expect((await refused(path))[1]).toMatchObject({ code: "EISDIR" });
  writeFileSync(join(base, "file"), "kept");
  expect((await refused(join(base, "file", "items")))[1].code).toMatch(/^E(EXIST|NOTDIR)$/);
  expect(readFileSync(join(base, "file"), "utf8")).toBe("kept");
});

test("what is only read is not made", async () => {
  const path = join(folder(), "sub", "items");
  const storage = createStorage({ driver: open("lmdb", path, { readOnly: true }) });
  await expect(storage.getItem("a")).rejects.toMatchObject({ code: "ENOENT" });
  await storage.setItem("a", 1);
  expect(existsSync(path)).toBe(false);
});

test("values and options that are refused", async () => {
  const path = join(folder(), "items");
  expect(() => open("lmdb", "")).toThrow(/`path` is required/);
  expect(() => open("lmdb", undefined)).toThrow(/`path` is required/);
  expect(() => open("lmdb", path, { sync: "s3cret" })).toThrow(
    /^(?!.*s3cret).*`full`, `no-meta`, `none`/,
  );
  const storage = createStorage({ driver: open("lmdb", path) });
  await expect(storage.setItem("a:\udc00", 1)).rejects.toMatchObject({ code: "INVALID_KEY" });
  await expect(storage.getItem("a:\udc00")).rejects.toMatchObject({ code: "INVALID_KEY" });
  await expect(
    storage.setItems([
      { key: "a", value: 1 },
      { key: "b\udc00", value: 2 },
    ]),
  ).rejects.toMatchObject({ code: "INVALID_KEY" });
  expect(await storage.getKeys()).toEqual([]);
});

test("a map that is larger than the address space", async () => {
  const mapSize = Number.MAX_SAFE_INTEGER;
  const storage = createStorage({ driver: open("lmdb", join(folder(), "items"), { mapSize }) });
  await expect(storage.setItem("a", 1)).rejects.toMatchObject({
    code: "ENOMEM",
    message: expect.stringContaining("`mapSize`"),
  });
});

test("a map that is too small grows by itself, also where another process wrote", async () => {
  const path = join(folder(), "items");
  const options = { mapSize: 65_536, sync: "none" };
  const storage = createStorage({ driver: open("lmdb", path, options) });
  await storage.setItem("own", "x".repeat(3_000_000));
  const reads = [];
  const { ended } = await start("writing", {
    name: "lmdb",
    path,
    options,
    prefix: "other",
    count: 500,
    length: 20_000,
  });
  const done = ended.then(() => "ended");
  while (
    (await Promise.race([done, new Promise((resolve) => setImmediate(resolve))])) !== "ended"
  ) {
    reads.push((await storage.getItem("own")).length);
    await Promise.all([storage.getKeys("other"), storage.setItem("small", reads.length)]);
  }
  expect(new Set(reads)).toEqual(new Set([3_000_000]));
  expect((await ended).lines).toEqual(["begins", "500"]);
  expect(await storage.getItem("other:499")).toHaveLength(20_000);
  expect(await storage.getItem("small")).toBe(reads.length);
}, 60_000);

async function calls(path, options, spawned) {
  const { ended } = await start("calls", { name: "lmdb", path, options }, spawned);
  const { code, lines } = await ended;
  expect(code).toBe(0);
  return JSON.parse(lines[0]);
}

describe.runIf(canBeNobody)("as another user, for which one has to be root", () => {
  test("a folder, or a file, that may not be written", async () => {
    const base = folder();
    chmodSync(base, 0o755);
    const path = join(base, "items");
    expect((await calls(path, {}, NOBODY)).setItem).toMatchObject({
      code: "EACCES",
      driver: "lmdb",
    });
    expect(existsSync(path)).toBe(false);
    const whole = await made(path);
    const ended = await calls(path, {}, NOBODY);
    for (const operation of ["setItem", "getItem", "getKeys"]) {
      expect(ended[operation]).toMatchObject({ code: "EACCES", driver: "lmdb" });
    }
    expect(readFileSync(path).equals(whole)).toBe(true);
    // Who only reads needs the lock file, to be made if there is none.
    unlinkSync(`${path}-lock`);
    expect((await calls(path, { readOnly: true }, NOBODY)).getKeys).toMatchObject({
      code: "EACCES",
      message: expect.stringContaining("the lock file beside the database"),
    });
    writeFileSync(`${path}-lock`, "");
    chmodSync(`${path}-lock`, 0o666);
    expect((await calls(path, { readOnly: true }, NOBODY)).getKeys.returned).toHaveLength(200);
  });
});

describe.runIf(canMount)("a disk of one megabyte, which has to be mounted", () => {
  test("that is full: the write is refused alone, and all else stays", async () => {
    const path = join(disk("size=1m"), "items");
    const driver = open("lmdb", path);
    const storage = createStorage({ driver });
    await storage.setItem("old", "kept");
    const writes = await Promise.allSettled([
      storage.setItem("small", 1),
      storage.setItem("large", "x".repeat(2_000_000)),
      storage.setItem("old", "new"),
      storage.setItems([
        { key: "small:2", value: 2 },
        { key: "large:2", value: "x".repeat(2_000_000) },
      ]),
    ]);
    expect(writes.map(({ status }) => status)).toEqual([
      "fulfilled",
      "rejected",
      "fulfilled",
      "rejected",
    ]);
    expect(writes[1].reason).toMatchObject({
      code: "ENOSPC",
      operation: "setItem",
      key: "large",
      driver: "lmdb",
    });
    expect((await storage.getKeys()).sort()).toEqual(["old", "small"]);
    expect(await storage.getItem("old")).toBe("new");
    await driver.dispose();
    expect(await storage.getItems(["old", "small"])).toEqual([
      { key: "old", value: "new" },
      { key: "small", value: 1 },
    ]);
  });

  test("that is full before there is a database", async () => {
    const base = disk("size=1m");
    spawnSync("dd", ["if=/dev/zero", `of=${join(base, "filler")}`, "bs=4096"]);
    const storage = createStorage({ driver: open("lmdb", join(base, "items")) });
    await expect(storage.setItem("a", 1)).rejects.toMatchObject({
      code: "ENOSPC",
      driver: "lmdb",
    });
    execFileSync("rm", [join(base, "filler")]);
    await storage.setItem("a", 1);
    expect(await storage.getItem("a")).toBe(1);
  });

  test("that may only be read", async () => {
    const base = disk("size=1m");
    const path = join(base, "items");
    await made(path, 10);
    unlinkSync(`${path}-lock`);
    execFileSync("mount", ["-o", "remount,ro", base]);
    const failures = await refused(path);
    for (const failure of failures)
      expect(failure).toMatchObject({ code: "EROFS", driver: "lmdb" });
    const storage = createStorage({ driver: open("lmdb", path, { readOnly: true }) });
    expect(await storage.getKeys()).toHaveLength(10);
  });
});
