/** What holds for every driver, of those that need no server but one of JavaScript: this runs on each system before a release. */
import { createStorage } from "rustorage";
import db0 from "rustorage/drivers/db0";
import fs from "rustorage/drivers/fs";
import fsLite from "rustorage/drivers/fs-lite";
import http from "rustorage/drivers/http";
import lmdb from "rustorage/drivers/lmdb";
import lruCache from "rustorage/drivers/lru-cache";
import memory from "rustorage/drivers/memory";
import nullDriver from "rustorage/drivers/null";
import overlay from "rustorage/drivers/overlay";
import sqlite from "rustorage/drivers/sqlite";
import { createStorageServer } from "rustorage/server";
import { createDatabase } from "db0";
import sqliteConnector from "../drivers/embedded/connector.js";
import { join } from "node:path";
import { inspect } from "node:util";
import { onTestFinished } from "vitest";
import { lateDriver } from "../../js/late-driver.js";
import { startServer } from "../servers/storage.js";
import { unstorageHandle } from "../servers/unstorage.js";
import { mapDriver } from "./map-driver.js";
import { conformance } from "./suite.js";
import { folder } from "../folder.js";

const IN_MEMORY = {
  raw: "identity",
  ttl: true,
  surrogates: true,
  order: "insertion",
  nested: true,
  forgets: true,
};

const AS_TEXT = { raw: "bytes", surrogates: true, order: "insertion", nested: true };

const FILES = {
  raw: "bytes",
  nested: true,
  ttl: true,
  meta: ["atime", "mtime", "size", "birthtime", "ctime"],
};

/** Where nothing is yet. */
const place = () => join(folder(), "base");

conformance("memory", { create: () => memory(), capabilities: IN_MEMORY });

conformance("memory, spread into another object", {
  create: () => ({ ...memory() }),
  capabilities: IN_MEMORY,
});

conformance("lru-cache", {
  create: () => lruCache(),
  capabilities: { ...IN_MEMORY, order: "newest" },
});

conformance("null", { create: () => nullDriver(), capabilities: { keeps: false } });

conformance("overlay", {
  create: () => overlay({ layers: [memory(), memory()] }),
  capabilities: { ...AS_TEXT, ttl: true, forgets: true },
});

/** Several options at a time, as none of these has to do with another. */
const FS = [
  {},
  {
    atomic: false,
    mode: 0o600,
    dirMode: 0o700,
    watchOptions: { awaitWriteFinish: { stabilityThreshold: 20, pollInterval: 5 } },
  },
  { durable: true, ignore: ["none/**"], watchOptions: { ignored: "none/**", depth: 9 } },
  { followSymlinks: false, ttl: 100, watchOptions: { usePolling: true, interval: 20 } },
];
const FS_LITE = [
  {},
  { atomic: false, mode: 0o600, dirMode: 0o700, ignore: (path) => path.endsWith("/none") },
  { durable: true, followSymlinks: false, ttl: 100 },
];
for (const [name, driver, variants, watches] of [
  ["fs", fs, FS, true],
  ["fs-lite", fsLite, FS_LITE, false],
]) {
  for (const options of variants) {
    const metaOfItems = options.ttl ? [...FILES.meta, "ttl"] : FILES.meta;
    conformance(`${name} with ${inspect(options, { breakLength: Infinity })}`, {
      create: () => driver({ base: place(), ...options }),
      capabilities: { ...FILES, metaOfItems, watches },
    });
  }
  conformance(`${name} with noClear`, {
    create: () => driver({ base: place(), noClear: true }),
    capabilities: { clears: false },
  });
  conformance(`${name} with readOnly`, {
    async create() {
      const base = place();
      const before = driver({ base });
      await before.setItem("foo", "bar");
      await before.setItem("dir:item", "1");
      return driver({ base, readOnly: true });
    },
    capabilities: { writes: false },
  });
}

const DATABASE = {
  raw: "bytes",
  nested: true,
  ttl: true,
  order: "sorted",
};

const LMDB = [{}, { sync: "no-meta" }, { sync: "none", mapSize: 4096, ttl: 100 }];
const SQLITE = [{}, { sync: "normal" }, { sync: "none", tableName: 'a "table"', ttl: 100 }];
for (const [name, driver, variants, meta] of [
  ["lmdb", lmdb, LMDB, ["mtime", "size", "ttl"]],
  ["sqlite", sqlite, SQLITE, ["birthtime", "mtime", "size", "ttl"]],
]) {
  const open = (path, options) => {
    const opened = driver({ path, ...options });
    onTestFinished(() => opened.dispose());
    return opened;
  };
  for (const options of variants) {
    conformance(`${name} with ${inspect(options, { breakLength: Infinity })}`, {
      create: () => open(place(), options),
      capabilities: { ...DATABASE, meta },
    });
  }
  conformance(`${name} with readOnly`, {
    async create() {
      const path = place();
      const before = open(path);
      await before.setItem("foo", "bar");
      await before.setItem("dir:item", "1");
      await before.dispose();
      return open(path, { readOnly: true });
    },
    capabilities: { writes: false },
  });
}

conformance("db0 on SQLite", {
  create() {
    const database = createDatabase(sqliteConnector());
    onTestFinished(() => database.dispose());
    return db0({ database });
  },
  capabilities: {
    raw: "bytes",
    nested: true,
    ttl: true,
    meta: ["birthtime", "mtime", "ttl"],
    reopens: false,
  },
});

conformance("memory from a config", {
  create: () => memory({ "rustorage:mount": "items" }),
  capabilities: IN_MEMORY,
});

conformance("fs from a config", {
  create: () => fs({ "rustorage:mount": "files", base: place() }),
  capabilities: { ...FILES, watches: true },
});

conformance("a JavaScript driver that is made with the first call", {
  create: () => lateDriver("late", {}, mapDriver),
  capabilities: AS_TEXT,
});

const authorize = () => undefined;
for (const [name, handle, empties] of [
  ["ours", (storage) => createStorageServer(storage, { authorize }).handle, true],
  ["unstorage 2's", unstorageHandle, true],
  ["unstorage 1's", (storage) => unstorageHandle(storage, { authorize }, 1), false],
]) {
  conformance(`http on a server, ${name}`, {
    async create() {
      // What its server stores in is what the driver can do.
      const server = await startServer(handle(createStorage({ driver: fs({ base: place() }) })));
      onTestFinished(() => server.stop());
      return http({ base: server.url });
    },
    capabilities: {
      raw: "bytes",
      nested: true,
      ttl: true,
      meta: ["status", "mtime", "ttl"],
      listsMeta: false,
      empties,
    },
  });
}

conformance("a JavaScript driver", { create: () => mapDriver(), capabilities: AS_TEXT });

conformance("a storage as a driver", {
  create: () => createStorage({ driver: memory() }),
  capabilities: IN_MEMORY,
});
