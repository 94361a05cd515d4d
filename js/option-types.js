// Generated from the drivers' Rust structs by scripts/generate.js.
/** The types of options, by driver; js/runtime-options.js reads by them. */
export const OPTION_TYPES = {
  fs: {
    atomic: "boolean",
    base: "string",
    dirMode: "unsigned",
    durable: "boolean",
    followSymlinks: "boolean",
    ignore: { anyOf: [{ items: "string" }, "function"] },
    mode: "unsigned",
    noClear: "boolean",
    readOnly: "boolean",
    ttl: "number",
    watchOptions: {
      fields: {
        awaitWriteFinish: {
          anyOf: [
            "boolean",
            { fields: { pollInterval: "unsigned", stabilityThreshold: "unsigned" } },
          ],
        },
        depth: "unsigned",
        ignoreInitial: "boolean",
        ignored: { anyOf: ["string", { items: "string" }] },
        interval: "unsigned",
        usePolling: "boolean",
      },
    },
  },
  "fs-lite": {
    atomic: "boolean",
    base: "string",
    dirMode: "unsigned",
    durable: "boolean",
    followSymlinks: "boolean",
    ignore: "function",
    mode: "unsigned",
    noClear: "boolean",
    readOnly: "boolean",
    ttl: "number",
  },
  "lru-cache": {
    allowStale: "boolean",
    dispose: "function",
    max: "unsigned",
    maxEntrySize: "unsigned",
    maxSize: "unsigned",
    sizeCalculation: "function",
    ttl: "number",
    ttlAutopurge: "boolean",
    ttlResolution: "number",
    updateAgeOnGet: "boolean",
    updateAgeOnHas: "boolean",
  },
  memory: { maxBytes: "unsigned", maxEntries: "unsigned" },
};
