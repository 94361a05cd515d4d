/** The one storage of an environment, however many copies of the package are loaded. */
import { createRequire } from "node:module";
import { storageError } from "./errors.js";
import { prefixStorage } from "./prefix.js";
import { storageOf } from "./storage-config.js";

const require = createRequire(import.meta.url ?? __filename);

/** Both change with the major version. */
const INSTANCE = Symbol.for("rustorage.storage.v0");
const DEFINED = Symbol.for("rustorage.config.v0");

/** The storage under `base`. The first call makes it, unless a config or a server did. */
export function useStorage(base = "") {
  globalThis[INSTANCE] ??= storageOf({});
  return prefixStorage(globalThis[INSTANCE], base);
}

/** Makes the storage that `useStorage` gives from a config. The same config again gives the same storage. */
export function defineStorage(config = {}) {
  const current = globalThis[INSTANCE];
  if (current === undefined) {
    const storage = storageOf(config);
    globalThis[DEFINED] = { config, storage };
    globalThis[INSTANCE] = storage;
    return storage;
  }
  const defined = globalThis[DEFINED];
  if (defined?.storage === current && isSame(defined.config, config)) return current;
  const cause =
    defined?.storage === current
      ? "it was called before with a different config"
      : "there is a storage already, which useStorage() made or a server has set: call it first";
  throw storageError("INVALID_OPTIONS", "none", "defineStorage", undefined, cause);
}

/** Loaded when it is needed, for what `node:util` brings along (redacted-options.js). */
function isSame(one, other) {
  return require("node:util").isDeepStrictEqual(one, other);
}

/** Makes `storage` the one that `useStorage` gives: a server hands over its own. */
export function setStorage(storage) {
  if (typeof storage?.getItem !== "function") {
    throw storageError("INVALID_OPTIONS", "none", "setStorage", undefined, "it takes a storage");
  }
  const current = globalThis[INSTANCE];
  if (current !== undefined && current === globalThis[DEFINED]?.storage && current !== storage) {
    const cause = "defineStorage() was called: its mounts belong into the server's config";
    throw storageError("INVALID_OPTIONS", "none", "setStorage", undefined, cause);
  }
  globalThis[INSTANCE] = storage;
}
