/** Files, folders, disks and neighbours that the driver cannot work with. */
import { createDatabase } from "db0";
import { createStorage } from "rustorage";
import { execFileSync, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { createStorage as createTheirs } from "unstorage";
import theirs from "unstorage/drivers/db0";
import sqliteConnector, { hasSqlite } from "../embedded/connector.js";
import { open } from "../embedded/drivers.js";
import { start } from "../embedded/processes.js";
import { folder } from "../../folder.js";
import { NOBODY, canBeNobody, canMount, disk } from "../../root.js";

const storageOf = (path, options) => createStorage({ driver: open("sqlite", path, options) });

/** A file with items that nobody uses. */
async function made(path, count = 500) {
  const storage = storageOf(path);
  const value = "x".repeat(1000);
  await storage.setItems(
    Array.from({ length: count }, (_, index) => ({ key: `item:${index}`, value })),
  );
  await storage.dispose();
  return readFileSync(path);
}

test.each([
  ["text", Buffer.from("This is no database, but somebody needs it. ".repeat(1000))],
  ["zeros", Buffer.alloc(100_000)],
])("a file of something else is refused and stays as it is: %s", async (_, content) => {
  const path = join(folder(), "items");
  writeFileSync(path, content);
  const storage = storageOf(path);
  for (const call of [
    () => storage.getItem("a"),
    () => storage.setItem("a", 1),
    () => storage.getKeys(),
  ]) {
    await expect(call()).rejects.toMatchObject({
      code: expect.stringMatching(/^SQLITE_(NOTADB|CORRUPT)$/),
      driver: "sqlite",
    });
  }
  expect(readFileSync(path).equals(content)).toBe(true);
});

test("a closed file is whole without its log", async () => {
  const base = folder();
  const driver = open("sqlite", join(base, "items"));
  const storage = createStorage({ driver });
  await storage.setItem("a", 1);
  // Reads that are under way then, too.
  const reads = [storage.getItem("a"), storage.getKeys(), storage.getItems(["a", "b"])];
  const closed = driver.dispose();
  await Promise.all(reads);
  await closed;
  await vi.waitFor(() => expect(readdirSync(base)).toEqual(["items"]));
});

test("names of one table in other cases share an order, and have to agree", async () => {
  const path = join(folder(), "items");
  const storage = createStorage({ driver: open("sqlite", path, { tableName: "items" }) });
  await storage.setItem("a", 1);
  const other = createStorage({ driver: open("sqlite", path, { tableName: "ITEMS" }) });
  await expect(other.getItem("a")).rejects.toMatchObject({ code: "INVALID_OPTIONS" });
});

test("a file that ends too early: what is missing is an error, and no wrong answer", async () => {
  const path = join(folder(), "items");
  const whole = await made(path);
  truncateSync(path, whole.length >> 1);
  const storage = storageOf(path);
  await expect(storage.getKeys().then((keys) => storage.getItems(keys))).rejects.toMatchObject({
    code: "SQLITE_CORRUPT",
    driver: "sqlite",
  });
});

test("a table of another program's is refused and stays as it is", async () => {
  const path = join(folder(), "items");
  await made(path, 1);
  const before = readFileSync(path);
  const other = storageOf(path, { tableName: "sqlite_schema" });
  await expect(other.setItem("a", 1)).rejects.toMatchObject({
    code: "SQLITE_MISMATCH",
    message: expect.stringContaining("not one of unstorage's"),
  });
  await other.dispose();
  expect(readFileSync(path).equals(before)).toBe(true);
});

if (hasSqlite)
  test("a table of unstorage's stays as it is until an item expires", async () => {
    const path = join(folder(), "items");
    // One at a time: two copies of SQLite in a process do not see each other's locks.
    const asUnstorage = async (act) => {
      const database = createDatabase(sqliteConnector(path));
      const other = createTheirs({ driver: theirs({ database }) });
      await act(other);
      const tables = await database.prepare("SELECT name, sql FROM sqlite_schema").all();
      await database.dispose();
      return JSON.stringify(tables);
    };
    const before = await asUnstorage((other) => other.setItem("theirs", 1));
    for (const options of [{ readOnly: true }, {}]) {
      const storage = storageOf(path, options);
      expect(await storage.getItem("theirs")).toBe(1);
      expect(await storage.getItems(["theirs", "none"])).toEqual([
        { key: "theirs", value: 1 },
        { key: "none", value: null },
      ]);
      expect(await storage.getKeys()).toEqual(["theirs"]);
      expect((await storage.getMeta("theirs")).ttl).toBeUndefined();
      await storage.setItem("ours", options.readOnly ? 1 : 2);
      await storage.removeItem("none");
      await storage.dispose();
    }
    expect(await asUnstorage(async (other) => expect(await other.getItem("ours")).toBe(2))).toBe(
      before,
    );
    const storage = storageOf(path);
    const reader = await start("asked", { name: "sqlite", path });
    const asked = async (key) => {
      reader.child.stdin.write(`${key}\n`);
      return JSON.parse(await once(reader.child.stdout, "data").then(String));
    };
    expect(await asked("brief")).toEqual({ value: null, keys: ["ours", "theirs"] });
    await Promise.all([
      storage.setItem("brief", 1, { ttl: 1000 }),
      storage.setItem("theirs", 3, { ttl: 0.02 }),
    ]);
    expect((await storage.getMeta("brief")).ttl).toBeGreaterThan(900);
    await vi.waitFor(async () => expect(await storage.getItem("theirs")).toBe(null));
    // What another process prepared before the column was there.
    expect(await asked("brief")).toEqual({ value: 1, keys: ["brief", "ours"] });
    reader.child.stdin.end();
    await reader.ended;
    await storage.dispose();
    const after = await asUnstorage(async (other) => {
      expect(await other.getItem("brief")).toBe(1);
      await other.setItem("brief", 2);
    });
    expect(after).toContain("expires_at INTEGER");
  });

test("a folder in the file's place, and what is only read is not made", async () => {
  const base = folder();
  mkdirSync(join(base, "items"));
  await expect(storageOf(join(base, "items")).setItem("a", 1)).rejects.toMatchObject({
    code: "EISDIR",
  });
  const path = join(base, "sub", "items");
  const storage = storageOf(path, { readOnly: true });
  await expect(storage.getItem("a")).rejects.toMatchObject({ code: "ENOENT" });
  await storage.setItem("a", 1);
  expect(existsSync(path)).toBe(false);
  await storage.dispose();
  await made(path, 1);
  const none = storageOf(path, { readOnly: true, tableName: "none" });
  await expect(none.getItem("a")).rejects.toMatchObject({
    code: "SQLITE_MISMATCH",
    message: expect.stringContaining("no such table"),
  });
});

test("a write waits for another process's, and gives up in its time", async () => {
  const path = join(folder(), "items");
  await made(path, 1);
  const { child, ended } = await start("locking", { path });
  const impatient = storageOf(path, { busyTimeout: 20 });
  await expect(impatient.setItem("a", 1)).rejects.toMatchObject({
    code: "SQLITE_BUSY",
    operation: "setItem",
    key: "a",
    driver: "sqlite",
  });
  // Readers wait for no writer.
  expect(await impatient.getKeys()).toEqual(["item:0"]);
  await impatient.dispose();
  const patient = storageOf(path, { busyTimeout: 60_000 });
  const written = patient.setItem("a", 2);
  child.stdin.end();
  await written;
  expect(await patient.getItem("a")).toBe(2);
  expect((await ended).code).toBe(0);
});

test("a busyTimeout of more than SQLite takes", async () => {
  const storage = storageOf(join(folder(), "items"), { busyTimeout: 2 ** 32 - 1 });
  await storage.setItem("a", 1);
  expect(await storage.getItem("a")).toBe(1);
});

test("writes that wait for another process give up together, and keep no read waiting", async () => {
  const path = join(folder(), "items");
  await made(path, 1);
  const { child, ended } = await start("locking", { path });
  const storage = storageOf(path, { busyTimeout: 1000 });
  // The first call is one that reads.
  expect(await storage.getItem("item:0")).toHaveLength(1000);
  const started = performance.now();
  const writes = Array.from({ length: 30 }, (_, index) => storage.setItem(`k${index}`, index));
  const reads = [storage.getItem("k1"), storage.getItems(["k2", "item:0"]), storage.getKeys()];
  expect(await storage.getItem("item:0")).toHaveLength(1000);
  expect(performance.now() - started).toBeLessThan(900);
  for (const write of await Promise.allSettled(writes)) {
    expect(write).toMatchObject({ status: "rejected", reason: { code: "SQLITE_BUSY" } });
  }
  const value = "x".repeat(1000);
  expect(await Promise.all(reads)).toEqual([
    null,
    [
      { key: "k2", value: null },
      { key: "item:0", value },
    ],
    ["item:0"],
  ]);
  await storage.dispose();
  expect(performance.now() - started).toBeLessThan(5000);
  child.stdin.end();
  expect((await ended).code).toBe(0);
});

test("a table that another program drops", async () => {
  const path = join(folder(), "items");
  const storage = storageOf(path);
  await storage.setItem("a", 1);
  const drop = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('DROP TABLE unstorage')";
  execFileSync("python3", ["-c", drop, path]);
  for (const call of [
    () => storage.getKeys(),
    () => storage.getItem("a"),
    () => storage.getItems(["a"]),
    () => storage.setItem("a", 2),
  ]) {
    await expect(call()).rejects.toMatchObject({
      code: "SQLITE_ERROR",
      message: expect.stringContaining("no such table"),
    });
  }
});

test("tables of one file", async () => {
  const path = join(folder(), "items");
  // Made at once, many times, as several processes may.
  for (let round = 0; round < 10; round++) {
    const file = `${path}-${round}`;
    const storages = ["one", "two; DROP TABLE one", 'th"ree'].map((tableName) =>
      storageOf(file, { tableName }),
    );
    await Promise.all(storages.map((storage, index) => storage.setItem("a", index)));
    for (const [index, storage] of storages.entries()) {
      expect(await storage.getItem("a")).toBe(index);
      expect(await storage.getKeys()).toEqual(["a"]);
    }
  }
  expect(() => storageOf(path, { tableName: "" })).toThrow(
    "`tableName` must be the name of a table",
  );
});

describe.runIf(canBeNobody)("as another user, for which one has to be root", () => {
  test("a folder, or a file, that may not be written", async () => {
    const base = folder();
    chmodSync(base, 0o755);
    const path = join(base, "items");
    const calls = async (options) => {
      const { ended } = await start("calls", { name: "sqlite", path, options }, NOBODY);
      return JSON.parse((await ended).lines[0]);
    };
    expect((await calls({})).setItem).toMatchObject({ code: "EACCES", driver: "sqlite" });
    expect(existsSync(path)).toBe(false);
    const whole = await made(path);
    const { setItem } = await calls({});
    expect(setItem).toMatchObject({
      code: expect.stringMatching(/^SQLITE_(READONLY|CANTOPEN)$/),
      driver: "sqlite",
    });
    expect(readFileSync(path).equals(whole)).toBe(true);
    // A reader would have to make files beside it, unless the writer has.
    expect((await calls({ readOnly: true })).getKeys).toMatchObject({
      code: "SQLITE_CANTOPEN",
      message: expect.stringContaining("the folder cannot be written"),
    });
    const writer = storageOf(path);
    await writer.setItem("item:500", "new");
    expect((await calls({ readOnly: true })).getKeys.returned).toHaveLength(501);
    await writer.dispose();
    expect(readdirSync(base)).toEqual(["items"]);
  });
});

describe.runIf(canMount)("a disk of one megabyte, which has to be mounted", () => {
  test.each([0, 2, 8])("with room for %i pages, before there is a database", async (pages) => {
    const base = disk("size=1m");
    const filler = join(base, "filler");
    spawnSync("dd", ["if=/dev/zero", `of=${filler}`, "bs=4096"]);
    truncateSync(filler, statSync(filler).size - pages * 4096);
    const storage = storageOf(join(base, "items"));
    const refused = { code: "ENOSPC", key: "a", driver: "sqlite" };
    await expect(storage.setItem("a", 1)).rejects.toMatchObject(refused);
    execFileSync("rm", [filler]);
    await storage.setItem("a", 1);
    expect(await storage.getItem("a")).toBe(1);
    await storage.dispose();
  });

  test("that may only be read", async () => {
    const base = disk("size=4m");
    const path = join(base, "items ?#%41é");
    await made(path, 10);
    execFileSync("mount", ["-o", "remount,ro", base]);
    const storage = storageOf(path, { readOnly: true });
    expect(await storage.getKeys()).toHaveLength(10);
    expect(await storage.getItem("item:9")).toHaveLength(1000);
    await storage.dispose();
    // With a log that was not emptied: what it holds is read, or nothing is.
    execFileSync("mount", ["-o", "remount,rw", base]);
    const settings = { name: "sqlite", path, keys: ["late"], first: 0, length: 8 };
    const { child, ended } = await start("crash", settings);
    child.kill("SIGKILL");
    await ended;
    expect(statSync(`${path}-wal`).size).toBeGreaterThan(0);
    execFileSync("mount", ["-o", "remount,ro", base]);
    expect(await storage.hasItem("late")).toBe(true);
    await storage.dispose();
    execFileSync("mount", ["-o", "remount,rw", base]);
    unlinkSync(`${path}-shm`);
    execFileSync("mount", ["-o", "remount,ro", base]);
    await expect(storage.hasItem("late")).rejects.toMatchObject({ code: "SQLITE_CANTOPEN" });
    await storage.dispose();
  });

  test("that is full: the write is refused alone, and all else stays", async () => {
    const base = disk("size=1m");
    const path = join(base, "items");
    const storage = storageOf(path);
    await storage.setItem("old", "kept");
    const writes = await Promise.allSettled([
      storage.setItem("small", 1),
      storage.setItem("large", "x".repeat(2_000_000)),
      storage.setItem("old", "new"),
    ]);
    expect(writes.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(writes[1].reason).toMatchObject({ code: "ENOSPC", key: "large", driver: "sqlite" });
    await storage.dispose();
    expect(await storage.getItems(["old", "small", "large"])).toEqual([
      { key: "old", value: "new" },
      { key: "small", value: 1 },
      { key: "large", value: null },
    ]);
    await storage.dispose();
  });
});
