/** The conformance suite, of every driver and of every way to open it. */
import { createStorage } from "rustorage";
import db0 from "rustorage/drivers/db0";
import cloudflareKvHttp from "rustorage/drivers/cloudflare-kv-http";
import fs from "rustorage/drivers/fs";
import fsLite from "rustorage/drivers/fs-lite";
import github from "rustorage/drivers/github";
import http from "rustorage/drivers/http";
import lmdb from "rustorage/drivers/lmdb";
import lruCache from "rustorage/drivers/lru-cache";
import memory from "rustorage/drivers/memory";
import netlifyBlobs from "rustorage/drivers/netlify-blobs";
import nullDriver from "rustorage/drivers/null";
import overlay from "rustorage/drivers/overlay";
import redis from "rustorage/drivers/redis";
import s3 from "rustorage/drivers/s3";
import sqlite from "rustorage/drivers/sqlite";
import upstash from "rustorage/drivers/upstash";
import vercelBlob from "rustorage/drivers/vercel-blob";
import vercelKv from "rustorage/drivers/vercel-kv";
import { createStorageServer } from "rustorage/server";
import { createDatabase } from "db0";
import mysqlConnector from "db0/connectors/mysql2";
import postgresqlConnector from "db0/connectors/postgresql";
import sqliteConnector from "../drivers/embedded/connector.js";
import { join } from "node:path";
import { inspect } from "node:util";
import { afterAll, onTestFinished } from "vitest";
import { lateDriver } from "../../js/late-driver.js";
import { startCloudflareKv } from "../servers/cloudflare-kv.js";
import { startGithub } from "../servers/github.js";
import { SITE, TOKEN as NETLIFY_TOKEN, startNetlifyBlobs } from "../servers/netlify-blobs.js";
import {
  VALKEY,
  startCluster,
  startRedis,
  startSecured,
  startSentinels,
} from "../servers/redis.js";
import { OPTIONS as KEYS, createBucket, startMoto, startSeaweed } from "../servers/s3.js";
import { startMariadb, startPostgresql } from "../servers/sql.js";
import { startServer } from "../servers/storage.js";
import { unstorageHandle } from "../servers/unstorage.js";
import { TOKEN, startUpstash } from "../servers/upstash.js";
import { startVercelBlob } from "../servers/vercel-blob.js";
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

let tables = 0;
for (const [name, connector, start] of [
  ["PostgreSQL", postgresqlConnector, startPostgresql],
  ["MariaDB", mysqlConnector, startMariadb],
]) {
  const server = await start();
  afterAll(() => server.stop());
  conformance(`db0 on ${name}`, {
    create() {
      const database = createDatabase(connector(server.options));
      onTestFinished(() => database.dispose());
      return db0({ database, tableName: `items${tables++}` });
    },
    capabilities: {
      raw: "bytes",
      nested: true,
      ttl: false,
      meta: ["birthtime", "mtime"],
      reopens: false,
    },
  });
}

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

const STRINGS = { raw: "bytes", nested: true, ttl: true, meta: ["ttl", "size", "type"] };

let bases = 0;
for (const [name, command] of [
  ["redis", "redis-server"],
  ["redis on Valkey", VALKEY],
]) {
  const server = await startRedis({ command });
  afterAll(() => server.stop());
  conformance(name, {
    create() {
      const driver = redis({ port: server.port, base: `test:${bases++}` });
      onTestFinished(() => driver.dispose());
      return driver;
    },
    capabilities: STRINGS,
  });
  conformance(`${name}, which tells of changes`, {
    create() {
      const keyspaceNotifications = "configure";
      const driver = redis({ port: server.port, base: `test:${bases++}`, keyspaceNotifications });
      onTestFinished(() => driver.dispose());
      return driver;
    },
    capabilities: { ...STRINGS, watches: true, expires: true },
  });
}

const secured = await startSecured();
afterAll(() => secured.stop());
conformance("redis with TLS, as a user of few rights", {
  create() {
    const driver = redis({ ...secured.options, base: `test:${bases++}` });
    onTestFinished(() => driver.dispose());
    return driver;
  },
  capabilities: STRINGS,
});

const group = await startSentinels();
afterAll(() => group.stop());
conformance("redis with sentinels", {
  create() {
    const sentinels = group.addresses;
    const driver = redis({ sentinels, name: "mymaster", base: `test:${bases++}` });
    onTestFinished(() => driver.dispose());
    return driver;
  },
  capabilities: STRINGS,
});

const cluster = await startCluster();
afterAll(() => cluster.stop());
conformance("redis on a cluster", {
  create() {
    const driver = redis({ cluster: cluster.ports, base: `test:${bases++}` });
    onTestFinished(() => driver.dispose());
    return driver;
  },
  capabilities: STRINGS,
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

for (const [name, start, options, lineFeeds] of [
  ["SeaweedFS", startSeaweed, { bulkDelete: false }, true],
  ["moto", startMoto, {}, false],
]) {
  const server = await start();
  afterAll(() => server.stop());
  const given = { ...KEYS, endpoint: server.endpoint, bucket: "test", ...options };
  await createBucket(given);
  conformance(`s3 on ${name}`, {
    async create() {
      const driver = s3(given);
      await driver.clear();
      return driver;
    },
    capabilities: {
      raw: "bytes",
      nested: true,
      ttl: false,
      meta: ["size", "mtime", "etag"],
      lineFeeds,
    },
  });
}

const upstashServer = await startUpstash();
afterAll(() => upstashServer.stop());
for (const [name, driver] of [
  ["upstash", upstash],
  ["vercel-kv", vercelKv],
]) {
  conformance(name, {
    create: () => driver({ url: upstashServer.endpoint, token: TOKEN, base: `test:${bases++}` }),
    capabilities: { raw: "text", nested: true, ttl: true },
  });
}

const cloudflare = await startCloudflareKv();
afterAll(() => cloudflare.stop());
conformance("cloudflare-kv-http", {
  create: () => cloudflareKvHttp({ ...cloudflare.options, base: `test:${bases++}` }),
  capabilities: { raw: "text", nested: true },
});

const BLOBS = { raw: "bytes", nested: true, ttl: false };

const netlify = await startNetlifyBlobs();
afterAll(() => netlify.stop());
for (const [name, place] of [
  ["at the edge", "edgeURL"],
  ["over the API", "apiURL"],
]) {
  conformance(`netlify-blobs ${name}`, {
    create: () =>
      netlifyBlobs({
        name: `test ${bases++}`,
        siteID: SITE,
        token: NETLIFY_TOKEN,
        [place]: netlify.url,
      }),
    capabilities: { ...BLOBS, meta: ["etag", "metadata"], encodedKeys: true },
  });
}

const vercel = await startVercelBlob();
afterAll(() => vercel.stop());
conformance("vercel-blob", {
  create: () => vercelBlob({ ...vercel.options, base: `test:${bases++}` }),
  capabilities: {
    ...BLOBS,
    meta: [
      "mtime",
      "size",
      "etag",
      "contentType",
      "contentDisposition",
      "cacheControl",
      "url",
      "downloadUrl",
      "pathname",
      "uploadedAt",
    ],
  },
});

const githubServer = await startGithub();
afterAll(() => githubServer.stop());
await githubServer.write("items/foo", "bar");
await githubServer.write("items/dir/item", "1");
conformance("github", {
  create: () => github({ ...githubServer.options, dir: "items" }),
  capabilities: { writes: false },
});

conformance("a JavaScript driver", { create: () => mapDriver(), capabilities: AS_TEXT });

conformance("a storage as a driver", {
  create: () => createStorage({ driver: memory() }),
  capabilities: IN_MEMORY,
});
