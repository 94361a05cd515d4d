import { fileURLToPath } from "node:url";

const misspelt = process.env.MISSPELT ? { maxItems: 2 } : {};

/** The mounts of every target. */
export const storage = {
  cache: { driver: "fs", base: "./.data/cache" },
  files: { driver: "fs-lite", base: "./.data/files" },
  recent: { driver: "lruCache", max: "{{RECENT_MAX:2}}", ...misspelt },
  private: { driver: "fs", base: "./.data/{{PRIVATE_FOLDER}}", ttl: "{{PRIVATE_TTL:3600}}" },
  nothing: { driver: "null" },
  own: {
    driver: fileURLToPath(new URL("server/drivers/own.js", import.meta.url)),
    prefix: "{{OWN_PREFIX}}",
    size: 1,
  },
  remote: { driver: "vercel-runtime-cache", base: "{{REMOTE_BASE}}" },
};

export const devStorage = { files: { driver: "memory" } };

export const routeRules = { "/ruled": { cache: { maxAge: 1, swr: false } } };
