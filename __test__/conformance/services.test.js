/** What holds for every driver, of those over the servers that scripts/servers.sh installs, and what stands for services. */
import cloudflareKvHttp from "rustorage/drivers/cloudflare-kv-http";
import db0 from "rustorage/drivers/db0";
import github from "rustorage/drivers/github";
import netlifyBlobs from "rustorage/drivers/netlify-blobs";
import redis from "rustorage/drivers/redis";
import s3 from "rustorage/drivers/s3";
import upstash from "rustorage/drivers/upstash";
import vercelBlob from "rustorage/drivers/vercel-blob";
import vercelKv from "rustorage/drivers/vercel-kv";
import { createDatabase } from "db0";
import mysqlConnector from "db0/connectors/mysql2";
import postgresqlConnector from "db0/connectors/postgresql";
import { afterAll, onTestFinished } from "vitest";
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
import { TOKEN, startUpstash } from "../servers/upstash.js";
import { startVercelBlob } from "../servers/vercel-blob.js";
import { conformance } from "./suite.js";

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
