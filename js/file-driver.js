/** The drivers that keep files: fs and fs-lite. */
import { storageError } from "./errors.js";
import { createNativeDriver, toMeta } from "./native-driver.js";
import { INVALID, native, pending } from "./native.js";

export function createFileDriver(name, options) {
  return createNativeDriver(name, options, {
    methods: (owner) => ({
      getMeta(key) {
        if (native.meta(owner.table, key) === INVALID) {
          throw storageError("INVALID_KEY", name, "getMeta", key, "the key must be a string");
        }
        return pending(toMeta);
      },
    }),
  });
}
