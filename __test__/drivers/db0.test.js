/** The driver over connectors of db0, beside unstorage's own over the same table. */
import { createStorage } from "rustorage";
import db0 from "rustorage/drivers/db0";
import { createDatabase } from "db0";
import betterSqlite from "db0/connectors/better-sqlite3";
import mysqlConnector from "db0/connectors/mysql2";
import postgresqlConnector from "db0/connectors/postgresql";
import sqliteConnector, { hasSqlite } from "./embedded/connector.js";
import theirs from "unstorage/drivers/db0";
import { createStorage as createTheirs } from "unstorage";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { open } from "./embedded/drivers.js";
import { startMariadb, startPostgresql } from "../servers/sql.js";
import { folder } from "../folder.js";

vi.spyOn(console, "warn").mockImplementation(() => {});

function connect(path) {
  const database = createDatabase(sqliteConnector(path));
  onTestFinished(() => database.dispose());
  return database;
}

const storageOf = (driver) => createStorage({ driver });

test("what is no database of a dialect that is known is refused", () => {
  const create = (options) => () => db0(options);
  expect(create({})).toThrow("`database` must be db0's");
  const database = { dialect: "s3cret", prepare() {}, exec() {} };
  expect(create({ database })).toThrow(/dialect "s3cret" is not one that is known/);
  const sqlite = {
    ...database,
    dialect: "sqlite",
    getInstance: () => ({ memory: true, name: ":memory:" }),
  };
  expect(create({ database: sqlite, table: "a" })).toThrow("unknown field `table`");
  expect(create({ database: sqlite, native: true })).toThrow("`native` needs a SQLite file");
  expect(create({ database: { ...sqlite, dialect: "mysql" }, native: true })).toThrow(
    "`native` needs",
  );
  expect(() => open("sqlite", ":memory:")).toThrow(/in memory/);
});

test.each([
  ["PostgreSQL", postgresqlConnector, startPostgresql],
  ["MariaDB", mysqlConnector, startMariadb],
])(
  "%s tells the moment of writing in whichever zone the process is",
  async (_, connector, start) => {
    const server = await start();
    onTestFinished(() => server.stop());
    const database = createDatabase(connector(server.options));
    onTestFinished(() => database.dispose());
    onTestFinished(() => void vi.unstubAllEnvs());
    const ours = storageOf(db0({ database }));
    const other = createTheirs({ driver: theirs({ database, tableName: "theirs" }) });
    await other.setItem("a", 1);
    for (const [zone, offset] of [
      ["UTC", 0],
      ["Asia/Tokyo", -540],
      ["America/Phoenix", 420],
    ]) {
      vi.stubEnv("TZ", zone);
      expect(new Date().getTimezoneOffset()).toBe(offset);
      await ours.setItem(zone, 1);
      for (const [storage, key] of [
        [ours, zone],
        [storageOf(db0({ database, tableName: "theirs" })), "a"],
      ]) {
        const { mtime, birthtime } = await storage.getMeta(key);
        expect(Math.abs(mtime - Date.now())).toBeLessThan(60_000);
        expect(Math.abs(birthtime - Date.now())).toBeLessThan(60_000);
      }
    }
    expect(await ours.getMeta("none")).toEqual({});
  },
  60_000,
);

describe("over SQLite", () => {
  test("the table is the one of unstorage's, both ways, and unstorage minds no expiry", async () => {
    const database = connect();
    const ours = storageOf(db0({ database }));
    const other = createTheirs({ driver: theirs({ database }) });
    await other.setItem("theirs:a", { a: 1 });
    await other.setItemRaw("theirs:raw", new Uint8Array([1, 2, 255]));
    expect(await ours.getItem("theirs:a")).toEqual({ a: 1 });
    expect(Buffer.from(await ours.getItemRaw("theirs:raw"))).toEqual(Buffer.from([1, 2, 255]));
    await ours.setItem("ours:a", [true], { ttl: 100 });
    await ours.setItemRaw("ours:raw", Buffer.from([9, 8]));
    expect(await other.getItem("ours:a")).toEqual([true]);
    expect(Buffer.from(await other.getItemRaw("ours:raw"))).toEqual(Buffer.from([9, 8]));
    expect((await other.getKeys()).sort()).toEqual(
      await ours.getKeys().then((keys) => keys.sort()),
    );
    const meta = await ours.getMeta("ours:a");
    expect(Math.abs(meta.mtime - Date.now())).toBeLessThan(60_000);
    expect(meta.ttl).toBeGreaterThan(90);
    expect(meta.ttl).toBeLessThanOrEqual(100);
    expect((await ours.getMeta("ours:raw")).ttl).toBeUndefined();
    await ours.setItem("brief", 1, { ttl: 0.02 });
    await other.setItem("brief", 2);
    expect((await ours.getMeta("brief")).ttl).toBeUndefined();
    await sleep(40);
    expect(await ours.getItem("brief")).toBe(2);
  });

  test("LIKE's own characters are no patterns", async () => {
    const storage = storageOf(db0({ database: connect() }));
    const keys = ["a%b:c", "axb:c", "a_b:c", "a!b:c", "A%B:c"];
    await storage.setItems(keys.map((key) => ({ key, value: key })));
    for (const base of ["a%b", "a_b", "a!b"]) {
      expect(await storage.getKeys(base)).toEqual([`${base}:c`]);
    }
    await storage.clear("a_b");
    expect((await storage.getKeys()).sort()).toEqual(keys.filter((key) => key !== "a_b:c").sort());
  });

  test("a base has its keys whatever stands behind it", async () => {
    const driver = db0({ database: connect() });
    const storage = storageOf(driver);
    const keys = ["b:\u{10FFFF}", "b:\u{10FFFF}x", "b:c"];
    await storage.setItems([...keys, "b", "b;", "c:d"].map((key) => ({ key, value: key })));
    expect((await storage.getKeys("b")).sort()).toEqual([...keys].sort());
    await storage.clear("b");
    expect((await storage.getKeys()).sort()).toEqual(["b", "b;", "c:d"]);
    // The driver's own callers may give any base.
    const odd = ["x\u{10FFFF}", "x\u{10FFFF}y", "z\u{D7FF}a", "\u{10FFFF}\u{10FFFF}"];
    await storage.setItems(odd.map((key) => ({ key, value: key })));
    expect((await driver.getKeys("x\u{10FFFF}")).sort()).toEqual(odd.slice(0, 2));
    expect(await driver.getKeys("z\u{D7FF}")).toEqual(["z\u{D7FF}a"]);
    expect(await driver.getKeys("\u{10FFFF}")).toEqual([odd[3]]);
    expect(await driver.getKeys("")).toHaveLength(7);
  });

  test("batches go in few statements, and the last write of a key holds", async () => {
    const database = connect();
    const storage = storageOf(db0({ database }));
    await storage.setItem("a", 0);
    const prepare = vi.spyOn(database, "prepare");
    const items = Array.from({ length: 250 }, (_, index) => ({ key: `k:${index}`, value: index }));
    await storage.setItems([...items, { key: "k:0", value: "again" }]);
    const found = await storage.getItems(items.map(({ key }) => key));
    expect(prepare).toHaveBeenCalledTimes(2);
    expect(found.map(({ value }) => value)).toEqual([
      "again",
      ...items.slice(1).map(({ value }) => value),
    ]);
  });

  test("a batch that fails has written nothing, and one of any size is written", async () => {
    const database = connect();
    const storage = storageOf(db0({ database }));
    await storage.setItem("a", 0);
    database.exec(
      "CREATE TRIGGER refusing BEFORE INSERT ON unstorage WHEN NEW.key = 'odd' BEGIN SELECT RAISE(ABORT, 'odd'); END",
    );
    const items = Array.from({ length: 7000 }, (_, index) => ({ key: `k:${index}`, value: index }));
    const odd = { key: "odd", value: 1 };
    await expect(storage.setItems([{ key: "a", value: 1 }, ...items, odd])).rejects.toMatchObject({
      operation: "setItems",
      driver: "db0",
      message: expect.stringContaining("odd"),
    });
    expect(await storage.getItem("a")).toBe(0);
    expect(await storage.getKeys()).toEqual(["a"]);
    const value = "x".repeat(2_000_000);
    const large = ["l:1", "l:2", "l:3"].map((key) => ({ key, value }));
    const more = Array.from({ length: 9000 }, (_, index) => ({ key: `m:${index}`, value: index }));
    await storage.setItems([...more, ...large]);
    expect(await storage.getKeys("m")).toHaveLength(9000);
    expect((await storage.getItems(["m:8999", "l:3"])).map(({ value }) => value)).toEqual([
      8999,
      value,
    ]);
  });

  test("a table of unstorage's stays as it is until an item expires", async () => {
    const database = connect();
    const other = createTheirs({ driver: theirs({ database }) });
    await other.setItem("theirs", 1);
    const schema = () =>
      database.prepare("SELECT name, sql FROM sqlite_schema ORDER BY name").all();
    const before = await schema();
    const storage = storageOf(db0({ database }));
    const second = storageOf(db0({ database }));
    expect(await storage.getItem("theirs")).toBe(1);
    expect(await second.getKeys()).toEqual(["theirs"]);
    await storage.setItem("ours", 1);
    expect(await other.getItem("ours")).toBe(1);
    expect(await schema()).toEqual(before);
    // The second does not overtake the first, which has to add the column.
    await Promise.all([
      storage.setItem("brief", 2, { ttl: 1000 }),
      storage.setItem("brief", 1, { ttl: 0.02 }),
      storage.setItem("ours", 2),
    ]);
    expect(JSON.stringify(await schema())).toContain("expires_at INTEGER");
    await sleep(40);
    // Who looked before the column was there sees it, too.
    expect(await second.getItem("brief")).toBe(null);
    expect((await second.getKeys()).sort()).toEqual(["ours", "theirs"]);
    expect(await other.getItem("theirs")).toBe(1);
  });

  test("errors name operation, key and driver, and the table is made by the next call", async () => {
    const database = connect();
    const storage = storageOf(db0({ database }));
    const exec = vi.spyOn(database, "exec").mockRejectedValueOnce(new Error("the disk is away"));
    await expect(storage.getItem("a:b")).rejects.toMatchObject({
      driver: "db0",
      operation: "getItem",
      key: "a:b",
      message: expect.stringContaining("the disk is away"),
    });
    exec.mockRestore();
    expect(await storage.getItem("a:b")).toBe(null);
    database.exec("DROP TABLE unstorage");
    await expect(storage.setItem("a", 1)).rejects.toMatchObject({
      driver: "db0",
      operation: "setItem",
      key: "a",
    });
  });

  test("a write sweeps what has expired, and what keeps it from that fails it not", async () => {
    const database = connect();
    const storage = storageOf(db0({ database }));
    const rows = async () => {
      const all = await database.prepare("SELECT key FROM unstorage ORDER BY key").all();
      return all.map(({ key }) => key);
    };
    vi.useFakeTimers({ toFake: ["Date"] });
    onTestFinished(() => vi.useRealTimers());
    await storage.setItem("brief", 1, { ttl: 1 });
    vi.setSystemTime(Date.now() + 61_000);
    const { prepare } = database;
    const spy = vi.spyOn(database, "prepare").mockImplementation((sql) => {
      if (sql.startsWith("DELETE")) throw new Error("the database is locked");
      return prepare.call(database, sql);
    });
    await storage.setItem("a", 1);
    expect(spy.mock.results.some(({ type }) => type === "throw")).toBe(true);
    spy.mockRestore();
    expect(await rows()).toEqual(["a", "brief"]);
    vi.setSystemTime(Date.now() + 61_000);
    await storage.setItem("b", 1);
    expect(await rows()).toEqual(["a", "b"]);
  });

  test("a file that is taken over is opened natively, and db0's connection is closed; libSQL's is not taken over", async () => {
    const path = join(folder(), "items.sqlite");
    const database = connect(path);
    await createTheirs({ driver: theirs({ database }) }).setItem("theirs", 1);
    if (!hasSqlite) {
      expect(() => db0({ database, native: true })).toThrow("opened by better-sqlite3 or");
      return;
    }
    const driver = db0({ database, native: true });
    expect(driver.name).toBe("db0");
    const storage = storageOf(driver);
    expect(await storage.getItem("theirs")).toBe(1);
    await storage.setItem("ours", 2, { ttl: 100 });
    expect(() => database.prepare("SELECT 1")).toThrow(/disposed/);
    await storage.dispose();
    const again = connect(path);
    expect(await createTheirs({ driver: theirs({ database: again }) }).getItem("ours")).toBe(2);
  });

  // better-sqlite3 13 does not load on Node 20.
  if (hasSqlite)
    test("a file of better-sqlite3's is taken over, too", async () => {
      const path = join(folder(), "items.sqlite");
      const database = createDatabase(betterSqlite({ path }));
      await createTheirs({ driver: theirs({ database }) }).setItem("theirs", 1);
      const driver = db0({ database, native: true });
      const storage = storageOf(driver);
      const first = storage.setItem("a", 1);
      expect(await storage.getItem("theirs")).toBe(1);
      await first;
      expect(() => database.prepare("SELECT 1")).toThrow(/disposed/);
      await storage.setItems([
        { key: "b:1", value: { b: 1 } },
        { key: "b:2", value: "text", options: { ttl: 100 } },
      ]);
      await storage.setItemRaw("raw", Buffer.from([0, 255]));
      expect(await storage.getItem("b:1")).toEqual({ b: 1 });
      expect(await storage.getItem("b:2")).toBe("text");
      expect((await storage.getMeta("b:2")).ttl).toBeGreaterThan(90);
      expect(await storage.getItemRaw("raw")).toEqual(Buffer.from([0, 255]));
      expect(await storage.getKeys("b")).toEqual(["b:1", "b:2"]);
      const odd = [
        { key: "c", value: 1 },
        { key: "\ud800", value: 1 },
      ];
      await expect(storage.setItems(odd)).rejects.toMatchObject({ driver: "db0" });
      expect(await storage.hasItem("c")).toBe(false);
      await storage.clear("b");
      await storage.removeItem("a");
      expect((await storage.getKeys()).sort()).toEqual(["raw", "theirs"]);
      await storage.dispose();
      const memory = createDatabase(betterSqlite({ name: ":memory:" }));
      onTestFinished(() => memory.dispose());
      const refused = storageOf(db0({ database: memory, native: true }));
      await expect(refused.getItem("a")).rejects.toThrow("`native` needs a SQLite file");
    });

  test("sqlite reads what unstorage wrote, unstorage what sqlite wrote, turn by turn", async () => {
    const numbers = [0, 42, -1.5, 0.1 + 0.2, 1e-7, 1e21];
    const path = join(folder(), "items.sqlite");
    /** One at a time: two copies of SQLite in a process do not see each other's locks. */
    const asUnstorage = async (act) => {
      const database = createDatabase(sqliteConnector(path));
      const result = await act(createTheirs({ driver: theirs({ database }) }));
      await database.dispose();
      return result;
    };
    const asOurs = async (act) => {
      const storage = storageOf(open("sqlite", path));
      const result = await act(storage);
      await storage.dispose();
      return result;
    };
    await asUnstorage(async (storage) => {
      await storage.setItem("a:b", { text: "é" });
      await storage.setItemRaw("raw", new Uint8Array([0, 255]));
      await storage.setItem("both", "text");
      await storage.setItemRaw("both", new Uint8Array([7]));
      for (const number of numbers) await storage.setItemRaw(`number:${number}`, number);
    });
    await asOurs(async (storage) => {
      expect(await storage.getItem("a:b")).toEqual({ text: "é" });
      expect(await storage.getItemRaw("raw")).toEqual(Buffer.from([0, 255]));
      expect(await storage.getItem("both")).toBe("text");
      expect(await storage.getItemRaw("both")).toEqual(Buffer.from([7]));
      for (const number of numbers) {
        expect(await storage.hasItem(`number:${number}`)).toBe(true);
        expect(await storage.getItem(`number:${number}`)).toBe(number);
        expect(Number(await storage.getItemRaw(`number:${number}`))).toBe(number);
      }
      await storage.clear("number");
      const { birthtime, mtime, size, ttl } = await storage.getMeta("a:b");
      expect(Math.abs(mtime - Date.now())).toBeLessThan(60_000);
      expect([birthtime <= mtime, size, ttl]).toEqual([true, 13, undefined]);
      await storage.setItem("ours", [1], { ttl: 1000 });
      await storage.setItem("brief", 1, { ttl: 0.02 });
      await storage.setItemRaw("raw", "text");
    });
    await asUnstorage(async (storage) => {
      expect(await storage.getItem("ours")).toEqual([1]);
      expect(Buffer.from(await storage.getItemRaw("raw")).toString()).toBe("text");
      await storage.setItem("brief", 2);
      await storage.setItem("a:b", "changed");
      await storage.removeItem("both");
    });
    await sleep(40);
    await asOurs(async (storage) => {
      expect(await storage.getItem("brief")).toBe(2);
      expect(await storage.getItem("a:b")).toBe("changed");
      expect(await storage.getKeys()).toEqual(["a:b", "brief", "ours", "raw"]);
      expect((await storage.getMeta("ours")).ttl).toBeGreaterThan(900);
    });
  });
});
