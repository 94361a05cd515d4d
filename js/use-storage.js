/** The one storage of an environment, however many copies of the package are loaded. */
import fs from "./drivers/fs.js";
import { storageError } from "./errors.js";
import { prefixStorage } from "./prefix.js";
import { createStorage } from "./storage.js";

/** Changes with the major version. */
const INSTANCE = Symbol.for("rustorage.storage.v0");

/** The storage under `base`. The first call without `setStorage` makes one: memory, with `data` on disk in .data/kv. */
export function useStorage(base = "") {
  globalThis[INSTANCE] ??= createStorage().mount("data", fs({ base: ".data/kv" }));
  return prefixStorage(globalThis[INSTANCE], base);
}

/** Makes `storage` the one that `useStorage` gives: a server hands over its own. */
export function setStorage(storage) {
  if (typeof storage?.getItem !== "function") {
    throw storageError("INVALID_OPTIONS", "none", "setStorage", undefined, "it takes a storage");
  }
  globalThis[INSTANCE] = storage;
}
