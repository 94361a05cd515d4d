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

export async function load(name) {
  const from = PACKAGES[name];
  const take = name === OURS ? importInstalled : (id) => import(id);
  const { createStorage, prefixStorage, normalizeKey, joinKeys } = await take(from);
  const { default: memory } = await take(`${from}/drivers/memory`);
  const { default: lruCache } = await take(`${from}/drivers/lru-cache`);
  const { default: fs } = await take(`${from}/drivers/fs`);
  const { default: redis } = await take(`${from}/drivers/redis`);
  const { default: http } = await take(`${from}/drivers/http`);
  const server = await take(`${from}/server`);
  // unstorage 1 has no tracing.
  const { withTracing = (storage) => storage } =
    from === "unstorage-v1" ? {} : await take(`${from}/tracing`);
  const driver = async (id) => (await take(`${from}/drivers/${id}`)).default;
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
