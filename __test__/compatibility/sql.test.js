/** Where db0 and sqlite differ from unstorage's on purpose. */
import { createStorage } from "rustorage";
import db0 from "rustorage/drivers/db0";
import sqlite from "rustorage/drivers/sqlite";
import { createDatabase } from "db0";
import mysqlConnector from "db0/connectors/mysql2";
import sqliteConnector from "../drivers/embedded/connector.js";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import * as unstorage from "unstorage";
import unstorageDb0 from "unstorage/drivers/db0";
import { expect, onTestFinished, test, vi } from "vitest";
import { startMariadb } from "../servers/sql.js";
import { folder } from "../folder.js";
import { filled } from "./filled.js";

/** Ours and unstorage's over one database of db0's. */
function overDb0() {
  vi.spyOn(console, "warn").mockImplementation(() => {});
  const database = createDatabase(sqliteConnector());
  onTestFinished(() => database.dispose());
  const ours = createStorage({ driver: db0({ database }) });
  return {
    database,
    ours,
    theirs: unstorage.createStorage({ driver: unstorageDb0({ database }) }),
  };
}

test("ttl holds in db0 on SQLite and libSQL", async () => {
  const { ours, theirs } = overDb0();
  await ours.setItem("brief", 1, { ttl: 0.02 });
  await theirs.setItem("stays", 1, { ttl: 0.02 });
  await sleep(40);
  expect(await ours.getKeys()).toEqual(["stays"]);
});

test("db0 reads timestamps in UTC", async () => {
  const { database, ours } = overDb0();
  await ours.setItem("a", 1);
  await database.exec("UPDATE unstorage SET updated_at = '2026-01-02 03:04:05'");
  expect((await ours.getMeta("a")).mtime).toEqual(new Date("2026-01-02T03:04:05Z"));
});

test("a base of db0 is no pattern", async () => {
  const { ours, theirs } = overDb0();
  await filled(ours, "a_b:c", "axb:c");
  expect(await ours.getKeys("a_b")).toEqual(["a_b:c"]);
  expect(await theirs.getMount("").driver.getKeys("a_b")).toHaveLength(2);
});

test("db0 keeps one value a key", async () => {
  const { ours, theirs } = overDb0();
  await ours.setItemRaw("a", Buffer.from("raw"));
  await ours.setItem("a", "text");
  expect(await ours.getItemRaw("a")).toEqual(Buffer.from("text"));
  await theirs.setItemRaw("b", Buffer.from("raw"));
  expect(await theirs.getItem("b")).toBe(null);
  expect(await ours.getItem("b")).toBe("raw");
});

/** unstorage's driver over a file, and sqlite over it afterwards: two copies of SQLite in a process do not see each other's locks. */
async function throughSqlite(act) {
  vi.spyOn(console, "warn").mockImplementation(() => {});
  const path = join(folder(), "items.sqlite");
  const database = createDatabase(sqliteConnector(path));
  await act(unstorage.createStorage({ driver: unstorageDb0({ database }) }));
  await database.dispose();
  const storage = createStorage({ driver: sqlite({ path }) });
  onTestFinished(() => storage.dispose());
  return storage;
}

test("sqlite gives raw texts as bytes", async () => {
  const { ours, theirs } = overDb0();
  const natively = await throughSqlite(async (storage) => {
    await storage.setItemRaw("a", "text");
    expect(await storage.getItemRaw("a")).toBe("text");
  });
  expect(await natively.getItemRaw("a")).toEqual(Buffer.from("text"));
  await natively.setItemRaw("b", "text");
  expect(await natively.getItemRaw("b")).toEqual(Buffer.from("text"));
  await ours.setItemRaw("a", "text");
  expect(await ours.getItemRaw("a")).toBe("text");
  expect(await theirs.getItemRaw("a")).toBe("text");
});

test("db0 and sqlite refuse what is no raw value", async () => {
  const { ours, theirs } = overDb0();
  const natively = await throughSqlite((storage) => storage.setItemRaw("number", 5));
  for (const storage of [ours, natively]) {
    for (const value of [5, true, null, { a: 1 }]) {
      await expect(storage.setItemRaw("a", value)).rejects.toMatchObject({
        code: "INVALID_VALUE",
        operation: "setItemRaw",
        key: "a",
        message: expect.stringContaining("a raw value is a string, a Buffer"),
      });
    }
    expect(await storage.getItemRaw("a")).toBe(null);
  }
  await ours.setItemRaw("blob", new Blob(["la", "ter"]));
  expect(await ours.getItemRaw("blob")).toEqual(Buffer.from("later"));
  await theirs.setItemRaw("number", 5);
  expect(await theirs.getItemRaw("number")).toBe(5);
  expect(await ours.getItemRaw("number")).toBe(5);
  expect(await ours.getItem("number")).toBe(5);
  expect(await natively.getItemRaw("number")).toEqual(Buffer.from("5"));
  expect(await natively.getItem("number")).toBe(5);
});

test("db0 tells upper from lower case in MySQL", async () => {
  const server = await startMariadb();
  onTestFinished(() => server.stop());
  const database = createDatabase(mysqlConnector(server.options));
  onTestFinished(() => database.dispose());
  const theirs = unstorage.createStorage({
    driver: unstorageDb0({ database, tableName: "theirs" }),
  });
  await theirs.setItem("key", 1);
  await theirs.setItem("KEY", 2);
  expect(await theirs.getItem("key")).toBe(2);
  const ours = createStorage({ driver: db0({ database, tableName: "ours" }) });
  await ours.setItem("key", 1);
  await ours.setItem("KEY", 2);
  expect(await ours.getItem("key")).toBe(1);
  const raw = Buffer.alloc(100_000, 1);
  await ours.setItemRaw("raw", raw);
  // unstorage's own driver reads and writes our table as well.
  const both = unstorage.createStorage({ driver: unstorageDb0({ database, tableName: "ours" }) });
  expect(await both.getItem("KEY")).toBe(2);
  expect((await both.getItemRaw("raw")).equals(raw)).toBe(true);
  await both.setItem("é", "ü");
  expect(await ours.getItem("é")).toBe("ü");
});
