/** What is compared: our drivers over a file, other libraries, and unstorage's db0 driver over two connectors. */
import { destr } from "destr";
import { createStorage } from "rustorage";
import fs from "rustorage/drivers/fs";
import lmdb from "rustorage/drivers/lmdb";
import sqlite from "rustorage/drivers/sqlite";
import { createDatabase } from "db0";
import betterSqlite3 from "db0/connectors/better-sqlite3";
import nodeSqlite from "db0/connectors/node-sqlite";
import { open } from "lmdb";
import { createStorage as createTheirs } from "unstorage";
import db0 from "unstorage/drivers/db0";

const ours = (driver) => (path, options) => createStorage({ driver: driver({ path, ...options }) });

/** unstorage over a database, as durable as ours: WAL, and a commit is on the disk. */
function theirs(connector) {
  return (path) => {
    const database = createDatabase(connector({ path }));
    database.exec("PRAGMA journal_mode = WAL");
    database.exec("PRAGMA synchronous = FULL");
    return createTheirs({ driver: db0({ database }) });
  };
}

/** npm's lmdb in the fewest words, decoded as a storage does. */
function bare(path) {
  const db = open({ path, noSubdir: true, encoding: "string" });
  return {
    getItem: async (key) => destr(db.get(key) ?? null),
    setItem: async (key, value) => {
      await db.put(key, value);
      // Its promises come before the disk has what they say.
      await db.flushed;
    },
    getItems: async (keys) => keys.map((key) => ({ key, value: destr(db.get(key) ?? null) })),
    getKeys: async (base) => [...db.getKeys({ start: `${base}:`, end: `${base};` })],
    dispose: () => db.close(),
  };
}

/** By name; `open(path, options)` gives a storage, or what has the methods that are measured. */
export const CONTENDERS = {
  lmdb: ours(lmdb),
  sqlite: ours(sqlite),
  fs: (path) => createStorage({ driver: fs({ base: path, durable: true }) }),
  "npm lmdb": bare,
  "db0, better-sqlite3": theirs(betterSqlite3),
  "db0, node:sqlite": theirs(nodeSqlite),
};
