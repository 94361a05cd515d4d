/** Makes a storage from a config that has the fields which a Nitro config has for storage. */
import { isAbsolute, join } from "node:path";
import { findDriver } from "./borrowed-driver.js";
import { builtinDrivers, ownsFiles } from "./builtin-drivers.js";
import { configDriver } from "./config-driver.js";
import { DATA_DRIVERS, dataMount } from "./data-mount.js";
import lmdb from "./drivers/lmdb.js";
import lruCache from "./drivers/lru-cache.js";
import memory from "./drivers/memory.js";
import redis from "./drivers/redis.js";
import sqlite from "./drivers/sqlite.js";
import { storageError } from "./errors.js";
import { fs, fsLite } from "./file-driver.js";
import {
  cloudflareKvHttp,
  github,
  http,
  netlifyBlobs,
  s3,
  upstash,
  vercelBlob,
  vercelKv,
} from "./service-drivers.js";
import { MOUNT, isRecord } from "./runtime-options.js";
import { createStorage } from "./storage.js";

/** Loaded with this module: who calls for a storage cannot wait for an import. */
const NATIVE = new Map([
  ...(ownsFiles
    ? [
        ["rustorage/drivers/fs", fs],
        ["rustorage/drivers/fs-lite", fsLite],
      ]
    : []),
  ["rustorage/drivers/cloudflare-kv-http", cloudflareKvHttp],
  ["rustorage/drivers/github", github],
  ["rustorage/drivers/http", http],
  ["rustorage/drivers/lmdb", lmdb],
  ["rustorage/drivers/lru-cache", lruCache],
  ["rustorage/drivers/memory", memory],
  ["rustorage/drivers/netlify-blobs", netlifyBlobs],
  ["rustorage/drivers/redis", redis],
  ["rustorage/drivers/s3", s3],
  ["rustorage/drivers/sqlite", sqlite],
  ["rustorage/drivers/upstash", upstash],
  ["rustorage/drivers/vercel-blob", vercelBlob],
  ["rustorage/drivers/vercel-kv", vercelKv],
]);

const FACTORIES = new Set(NATIVE.values());

const FIELDS = {
  data: [`one of ${listed(DATA_DRIVERS)}`, (value) => DATA_DRIVERS.includes(value)],
  storage: ["an object", isRecord],
  devStorage: ["an object", isRecord],
  dev: ["a boolean", (value) => typeof value === "boolean"],
  rootDir: ["a string", isText],
  srcDir: ["a string", isText],
  buildDir: ["a string", isText],
};

function isText(value) {
  return typeof value === "string";
}

export function storageOf(config) {
  check(config);
  const { dev = process.env.NODE_ENV === "development", rootDir = ".", data = "fs" } = config;
  if (config.data !== undefined && config.storage?.data !== undefined) {
    refuse("the mount `data` is in `storage` already, so `data` has no effect", "data");
  }
  const storage = createStorage();
  const mounts = {
    data: dataMount(data, join(rootDir, ".data/kv")),
    ...config.storage,
    ...(dev && { ...developmentMounts(config), ...config.devStorage }),
  };
  for (const [name, mount] of Object.entries(mounts)) {
    storage.mount(name, driverOf(name, mount, rootDir));
  }
  return storage;
}

/** Nitro has them in development only, in the place of mounts of these names in `storage`. */
function developmentMounts({ rootDir = ".", srcDir = ".", buildDir = ".nitro" }) {
  const folder = (path) => (isAbsolute(path) ? path : join(rootDir, path));
  const build = folder(buildDir);
  return {
    root: { driver: "fs", base: rootDir, readOnly: true },
    src: { driver: "fs", base: folder(srcDir), readOnly: true },
    build: { driver: "fs", base: build },
    cache: { driver: "fs", base: join(build, "cache") },
  };
}

function check(config) {
  if (!isRecord(config)) refuse("the config must be an object");
  for (const [field, value] of Object.entries(config)) {
    if (!Object.hasOwn(FIELDS, field)) {
      refuse(`unknown field \`${field}\`, expected one of ${listed(Object.keys(FIELDS))}`);
    }
    const [words, holds] = FIELDS[field];
    if (value !== undefined && !holds(value)) refuse(`\`${field}\` must be ${words}`);
  }
}

function driverOf(mount, written, rootDir) {
  if (!isRecord(written) || written.driver === undefined) {
    refuse("a mount is an object with a `driver`", mount);
  }
  const { driver, ...options } = written;
  if (isRecord(driver)) {
    const [option] = Object.keys(options);
    if (option === undefined) return driver;
    refuse(`the option \`${option}\` is for the factory: \`driver\` is a driver already`, mount);
  }
  const config = { ...options, [MOUNT]: mount };
  if (typeof driver === "function") {
    return FACTORIES.has(driver) ? driver(config) : configDriver(driver.name, config, () => driver);
  }
  if (typeof driver !== "string") {
    refuse("`driver` must be a driver's name, a factory or a driver", mount);
  }
  const name = nameIn(driver);
  if (!Object.hasOwn(builtinDrivers, name)) {
    const known = new Set(Object.values(builtinDrivers).map((id) => nameIn(id)));
    const names = listed([...known].sort());
    refuse(
      `unknown driver ${JSON.stringify(driver)}, expected a factory or one of ${names}`,
      mount,
    );
  }
  const native = NATIVE.get(builtinDrivers[name]);
  return native
    ? native(config)
    : configDriver(name, config, findDriver(name, mount, rootDir), true);
}

function nameIn(id) {
  return id.replace(/^(?:rustorage|unstorage)\/drivers\//, "");
}

function listed(names) {
  return names.map((name) => `\`${name}\``).join(", ");
}

function refuse(cause, mount) {
  throw storageError("INVALID_OPTIONS", "none", "defineStorage", mount, cause);
}
