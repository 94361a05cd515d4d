const misspelt = process.env.MISSPELT ? { maxItems: 2 } : {};

/** The mounts of every target. */
export const storage = {
  cache: { driver: "fs", base: "./.data/cache" },
  files: { driver: "fs-lite", base: "./.data/files" },
  recent: { driver: "lruCache", max: "{{RECENT_MAX:2}}", ...misspelt },
  private: { driver: "fs", base: "./.data/{{PRIVATE_FOLDER}}", ttl: "{{PRIVATE_TTL:3600}}" },
  nothing: { driver: "null" },
};

export const devStorage = { files: { driver: "memory" } };

export const routeRules = { "/ruled": { cache: { maxAge: 1, swr: false } } };
