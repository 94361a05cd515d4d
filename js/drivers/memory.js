import { storageError } from "../errors.js";
import { MemoryMap } from "../memory-map.js";
import { createNativeDriver } from "../native-driver.js";

export default function memory(options = {}) {
  return createNativeDriver("memory", options, {
    observe: { measure },
    methods(owner) {
      return {
        dispose: () => owner.items.clear(),
        getInstance: () => (owner.instance ??= new MemoryMap(owner.items)),
      };
    },
  });
}

/** UTF-8 bytes of key and text, or of key and raw bytes. */
function measure(content, key, operation) {
  const bytes =
    typeof content === "string"
      ? Buffer.byteLength(content)
      : (content?.byteLength ?? content?.size);
  if (typeof bytes !== "number") {
    throw storageError(
      "INVALID_VALUE",
      "memory",
      operation,
      key,
      "with maxBytes, a raw value must be text or have a byteLength",
    );
  }
  return Buffer.byteLength(key) + bytes;
}
export { memory as "module.exports" };
