/** The drivers that keep files: fs and fs-lite. */
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { storageError } from "./errors.js";
import { createNativeDriver, toMeta } from "./native-driver.js";
import { INVALID, native, pending } from "./native.js";

export function createFileDriver(name, { base, ...options }) {
  return createNativeDriver(
    name,
    { ...options, base: toPath(base) },
    {
      methods: (owner) => ({
        getMeta(key) {
          if (native.meta(owner.table, key) === INVALID) {
            throw storageError("INVALID_KEY", name, "getMeta", key, "the key must be a string");
          }
          return pending(toMeta);
        },
      }),
    },
  );
}

/** An absolute path, as unstorage has it in `driver.options`; what is no path is refused by the addon. */
function toPath(base) {
  if (base instanceof URL) return fileURLToPath(base);
  return typeof base === "string" && base !== "" ? resolve(base) : base;
}
