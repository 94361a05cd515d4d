export { builtinDriverDependencies, builtinDrivers } from "./js/builtin-drivers.js";
export { configDriver } from "./js/config-driver.js";
export { isStorageError } from "./js/errors.js";
export {
  filterKeyByBase,
  filterKeyByDepth,
  hasDotSegment,
  joinKeys,
  normalizeBaseKey,
  normalizeKey,
} from "./js/keys.js";
export { isNative } from "./js/native-driver.js";
export { prefixStorage } from "./js/prefix.js";
export { fromEnv } from "./js/runtime-options.js";
export { restoreSnapshot, snapshot } from "./js/snapshot.js";
export { createStorage } from "./js/storage.js";
export { defineStorage, setStorage, useStorage } from "./js/use-storage.js";

/** Says that `factory` makes drivers; it is returned as it is. */
export function defineDriver(factory) {
  return factory;
}
