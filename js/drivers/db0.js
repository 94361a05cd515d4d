/** A table in a database of db0's: through its connector, or natively where it is a SQLite file that may be taken over. */
import { Buffer } from "node:buffer";
import { statements, tables } from "../sql-dialects.js";
import { createEmbeddedDriver } from "../embedded-driver.js";
import { storageError } from "../errors.js";
import { comesLater, gather, invalidLife, lifeOf, toBytesOrText } from "../native-write.js";
import { runtimeOptions } from "../runtime-options.js";
import { createStorage } from "../storage.js";

const OPTIONS = ["database", "tableName", "ttl", "native"];
/** What a Nitro config leaves among the options. */
const LET_BE = ["driver", "lib"];

/**
 * How many rows a statement reads or writes, and how much text. One statement is done as a whole or not at all, whatever else goes over
 * the connection, which a transaction could not say: the connection is the app's, and some connectors have a new one for each statement.
 * SQLite takes 32,766 parameters, and MySQL 16 MB, if nobody set it.
 */
const ROWS = 8000;
const UNITS = 2 ** 22;
/** What errors name. */
const DRIVER = { name: "db0" };

/** How often a write sweeps, in milliseconds. */
const SWEEP_INTERVAL = 60_000;

export default function db0(given = {}) {
  const { options: written } = runtimeOptions("db0", given, null);
  const refuse = (cause) => {
    throw storageError("INVALID_OPTIONS", "db0", "create", undefined, cause);
  };
  const options = { ...written };
  for (const name of LET_BE) delete options[name];
  const unknown = Object.keys(options).find((name) => !OPTIONS.includes(name));
  if (unknown) refuse(`unknown field \`${unknown}\`, expected one of ${OPTIONS.join(", ")}`);
  const { database, tableName = "unstorage", ttl = 0, native = false } = options;
  if (typeof database?.prepare !== "function") refuse("the option `database` must be db0's");
  if (typeof tableName !== "string" || tableName === "") refuse("`tableName` must be a name");
  if (typeof ttl !== "number") refuse("the option `ttl` must be a number of seconds");
  const table = tables(database.dialect, tableName);
  if (!table) refuse(`the dialect ${JSON.stringify(database.dialect)} is not one that is known`);
  if (native) return takeOver(database, { tableName, ttl }, refuse);
  return connected({ ...options, tableName, ttl }, table);
}

/**
 * Opens the database's file natively, and closes the connection that db0 has: two copies of SQLite in one process that have one
 * file open do not see each other's locks, and can damage it.
 */
function takeOver(database, options, refuse) {
  const instance = database.dialect === "sqlite" ? database.getInstance() : undefined;
  const open = (path) => createEmbeddedDriver("db0", { ...options, path });
  const check = ({ isOpen, open: stillOpen }) => {
    if (isOpen ?? stillOpen) refuse("db0's connection to the file did not close");
  };
  if (typeof instance?.then === "function") {
    const take = async () => {
      const there = await instance.catch((error) => refuse(error.message));
      const path = pathOf(there, refuse);
      await database.dispose();
      check(there);
      return open(path);
    };
    return awaited(options, take());
  }
  const path = pathOf(instance, refuse);
  // It closes at once, and a failure shows in that it did not.
  database.dispose().catch(() => {});
  check(instance);
  return open(path);
}

/** The file that better-sqlite3 or node:sqlite has open. */
function pathOf(instance, refuse) {
  const path = instance?.memory ? undefined : (instance?.location?.() ?? instance?.name);
  if (typeof path !== "string" || path === "" || path === ":memory:") {
    refuse("`native` needs a SQLite file, opened by better-sqlite3 or node:sqlite");
  }
  return path;
}

const METHODS = [
  "hasItem",
  "getItem",
  "getItemRaw",
  "setItem",
  "setItemRaw",
  "removeItem",
  "getKeys",
  "getMeta",
  "clear",
  "dispose",
];

/** What stands for a native driver that is still to come, as db0 opens better-sqlite3 asynchronously. Each call waits for it. */
function awaited(options, coming) {
  // A failure is told by every call.
  coming.catch(() => {});
  // Batches are a storage's alone: values are text here, which it leaves as it is.
  const storage = coming.then((driver) => createStorage({ driver }));
  storage.catch(() => {});
  const methods = METHODS.map((name) => [name, async (...args) => (await coming)[name](...args)]);
  return {
    name: "db0",
    options,
    flags: { ttl: true, maxDepth: true },
    ...Object.fromEntries(methods),
    setItems: async (items, common) => (await storage).setItems(items, common),
  };
}

function connected(options, table) {
  const { database, tableName, ttl } = options;
  const [endless, expiring] = [false, true].map((expires) =>
    statements(database.dialect, tableName, expires),
  );
  let sql = endless;
  let made = false;
  let prepared = Promise.resolve();
  let swept = Date.now();

  /** A table of unstorage's has no column of expiries, until somebody adds it. */
  const lookForExpiries = async () => {
    const columns = await database.prepare(table.columns).all(tableName);
    if (!columns.some(({ name }) => name === "expires_at")) return;
    await database.exec(table.indexExpiry);
    sql = expiring;
  };
  const addExpiry = async () => {
    try {
      await database.exec(table.addExpiry);
    } catch (error) {
      await lookForExpiries();
      // Unless somebody else was faster, it failed.
      if (sql === endless) throw error;
    }
    await lookForExpiries();
  };
  const prepare = async (expires) => {
    if (!made) await database.exec(table.create);
    made = true;
    if (table.ttl && sql === endless) await lookForExpiries();
    if (table.ttl && sql === endless && expires) await addExpiry();
  };
  /** One after the other, so that the statements of calls that nobody awaits go in the order of the calls. */
  const ready = (expires) => {
    if (made && (!table.ttl || sql === expiring)) return prepared;
    const done = prepared.then(() => prepare(expires));
    prepared = done.catch(() => {});
    return done;
  };
  /** `expires`: the call writes what expires. */
  const run = async (operation, key, call, expires = false) => {
    if (key !== undefined && !key.isWellFormed()) throw lone(operation, key);
    try {
      await ready(expires);
      return await call();
    } catch (cause) {
      if (cause.driver) throw cause;
      const code = typeof cause.code === "string" ? cause.code : "SQLITE_ERROR";
      throw Object.assign(storageError(code, "db0", operation, key, cause.message), { cause });
    }
  };
  const all = (statement, parameters) =>
    database.prepare(statement).all(...parameters, ...(sql.ttl ? [Date.now()] : []));
  const write = async (statement, parameters) => database.prepare(statement).run(...parameters);

  /** Milliseconds since 1970; null for no end, undefined for what is over at once. */
  const expiry = (key, settings, operation) => {
    const life = lifeOf(settings);
    if (life === undefined) throw invalidLife("db0", operation, key);
    const own = life === 0 ? ttl * 1000 : life;
    if (own === 0 || !Number.isFinite(own)) return null;
    return own < 0 ? undefined : Date.now() + Math.ceil(own);
  };
  const setMany = async (rows) => {
    const odd = rows.find(({ key }) => !key.isWellFormed());
    if (odd) throw lone("setItems", odd.key);
    // The last of several writes of one key holds.
    const last = new Map(rows.map((row) => [row.key, row]));
    for (const { key, expires } of last.values()) {
      if (expires === undefined) await write(sql.remove, [key]);
    }
    const kept = [...last.values()].filter(({ expires }) => expires !== undefined);
    for (const part of partsOf(kept)) {
      const parameters = part.flatMap(({ key, value = null, blob = null, expires }) =>
        sql.ttl ? [key, value, blob, expires] : [key, value, blob],
      );
      await write(sql.set(part.length), parameters);
    }
    if (sql.ttl && Date.now() - swept > SWEEP_INTERVAL) {
      swept = Date.now();
      // What the call wrote is written, and the next sweep takes what this one left.
      await write(sql.sweep, [swept]).catch(() => {});
    }
  };
  const set = (operation, key, rows) =>
    run(
      operation,
      key,
      () => setMany(rows),
      rows.some(({ expires }) => typeof expires === "number"),
    );

  return {
    name: "db0",
    options,
    flags: { ttl: table.ttl },
    getInstance: () => database,
    hasItem: (key) => run("hasItem", key, async () => (await all(sql.has, [key])).length > 0),
    getItem: (key) => run("getItem", key, async () => toText((await all(sql.get, [key]))[0])),
    getItemRaw: (key) => run("getItemRaw", key, async () => toRaw((await all(sql.get, [key]))[0])),
    getItems: (items) =>
      run("getItems", undefined, async () => {
        const keys = [...new Set(items.map(({ key }) => key))];
        const values = new Map();
        for (let start = 0; start < keys.length; start += ROWS) {
          const part = keys.slice(start, start + ROWS);
          for (const row of await all(sql.getMany(part.length), part))
            values.set(row.key, toText(row));
        }
        return items.map(({ key }) => ({ key, value: values.get(key) ?? null }));
      }),
    setItem: async (key, value, settings) =>
      set("setItem", key, [{ key, value, expires: expiry(key, settings, "setItem") }]),
    setItemRaw: async (key, value, settings) => {
      const given = comesLater(value) ? await gather(value, DRIVER, "setItemRaw", key) : value;
      const blob = toBlob(given, key);
      return set("setItemRaw", key, [{ key, blob, expires: expiry(key, settings, "setItemRaw") }]);
    },
    setItems: async (items, common) => {
      const rows = items.map(({ key, value, options: own }) => ({
        key,
        value,
        expires: expiry(key, { ...common, ...own }, "setItems"),
      }));
      return set("setItems", undefined, rows);
    },
    removeItem: (key) => run("removeItem", key, async () => void (await write(sql.remove, [key]))),
    getMeta: (key) =>
      run("getMeta", key, async () => {
        const [row] = await all(sql.meta, [key]);
        return {
          birthtime: toDate(row?.created_at),
          mtime: toDate(row?.updated_at),
          ...(table.ttl && { ttl: toLife(row?.expires_at) }),
        };
      }),
    getKeys: (base = "") =>
      run("getKeys", base, async () => {
        const rows = await all(sql.keys, sql.under(base));
        return rows.map(({ key }) => key).filter((key) => key.startsWith(base));
      }),
    clear: () => run("clear", undefined, async () => void (await write(sql.clear, []))),
    async dispose() {
      await database.dispose?.();
    },
  };
}

function lone(operation, key) {
  const cause = "a key here must have no lone surrogate";
  return storageError("INVALID_KEY", "db0", operation, key, cause);
}

/** The rows that go into one statement, and those of the next. */
function* partsOf(rows) {
  let [part, units] = [[], 0];
  for (const row of rows) {
    const size = row.key.length + (row.value?.length ?? 0) + (row.blob?.length ?? 0);
    if (part.length === ROWS || (part.length > 0 && units + size > UNITS)) {
      yield part;
      [part, units] = [[], 0];
    }
    part.push(row);
    units += size;
  }
  if (part.length > 0) yield part;
}

function toText(row) {
  if (row === undefined) return null;
  const { value, blob } = row;
  if (value !== null || blob === null) return value;
  return typeof blob === "object" ? Buffer.from(blob).toString() : String(blob);
}

function toRaw(row) {
  if (row === undefined) return null;
  const { value, blob } = row;
  if (blob === null) return value === null ? null : Buffer.from(value);
  // libSQL gives an ArrayBuffer, the others a view; and unstorage may have written a number.
  return typeof blob === "object" ? Buffer.from(blob) : blob;
}

/** What all connectors take for bytes; text stays text, as unstorage has it. */
function toBlob(value, key) {
  const given = toBytesOrText(value, DRIVER, "setItemRaw", key);
  return typeof given === "string" ? given : Buffer.from(given);
}

/** The seconds that are left until the moment; undefined for no end. */
function toLife(expires) {
  if (expires === null || expires === undefined) return undefined;
  return Math.max(Number(expires) - Date.now(), 0) / 1000;
}

/** A timestamp of SQLite's is text, in UTC, and does not say so; others are in milliseconds. */
function toDate(timestamp) {
  if (!timestamp) return undefined;
  return typeof timestamp === "string"
    ? new Date(`${timestamp.replace(" ", "T")}Z`)
    : new Date(timestamp);
}

/** unstorage's driver has to be given a database, and so has this one. */
export const DRIVER_DEPENDENCIES = { database: { name: "db0", version: ">=0.3.4" } };
export { db0 as "module.exports" };
