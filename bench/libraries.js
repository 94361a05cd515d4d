/** What is compared: ours and both unstorage versions, with the drivers that all of them have. */
import { importInstalled } from "./packed.js";

/** By name: the package that holds it. Ours comes first. */
export const PACKAGES = {
  rustorage: "rustorage",
  "unstorage 2": "unstorage",
  "unstorage 1": "unstorage-v1",
};

/** The names that ours is compared with. */
export const [OURS, ...OTHERS] = Object.keys(PACKAGES);

/** Imports a part of a library: "" is what its name alone gives. */
export function take(name, part = "") {
  const id = `${PACKAGES[name]}${part}`;
  return name === OURS ? importInstalled(id) : import(id);
}

export async function load(name) {
  const { createStorage, prefixStorage, normalizeKey, joinKeys } = await take(name);
  const { default: memory } = await take(name, "/drivers/memory");
  const { default: lruCache } = await take(name, "/drivers/lru-cache");
  const { default: fs } = await take(name, "/drivers/fs");
  const { default: redis } = await take(name, "/drivers/redis");
  const { default: http } = await take(name, "/drivers/http");
  const server = await take(name, "/server");
  // unstorage 1 has no tracing.
  const { withTracing = (storage) => storage } =
    name === "unstorage 1" ? {} : await take(name, "/tracing");
  const driver = async (id) => (await take(name, `/drivers/${id}`)).default;
  const helpers = { createStorage, prefixStorage, withTracing, normalizeKey, joinKeys };
  return {
    name,
    ...helpers,
    ...server,
    driver,
    memory,
    lruCache,
    fs,
    http,
    redis: withClient(name, redis),
  };
}

/** unstorage 1 takes the ioredis that is installed, version 5; unstorage 2 is told to take version 6. */
function withClient(name, redis) {
  if (name !== "unstorage 2") return redis;
  return (options) => redis({ ...options, lib: () => import("ioredis6") });
}
