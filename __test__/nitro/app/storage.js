/** The mounts of every target. */
export const storage = {
  cache: { driver: "fs", base: "./.data/cache" },
  files: { driver: "fs-lite", base: "./.data/files" },
  recent: { driver: "lruCache", max: 2 },
  nothing: { driver: "null" },
};

export const devStorage = { files: { driver: "memory" } };

export const routeRules = { "/ruled": { cache: { maxAge: 1, swr: false } } };
