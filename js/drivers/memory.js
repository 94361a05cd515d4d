/** Items in the memory of one thread, with ttl and limits. */
import { storageError } from "../errors.js";
import { inMemoryMethods } from "../in-memory.js";
import { createNativeDriver } from "../native-driver.js";

export default function memory(options = {}) {
  return createNativeDriver("memory", options, {
    observe: { measure },
    methods: inMemoryMethods,
  });
}

function sizeOf(content) {
  if (typeof content === "string") return Buffer.byteLength(content);
  if (content instanceof Blob) return content.size;
  const isBinary =
    ArrayBuffer.isView(content) ||
    content instanceof ArrayBuffer ||
    content instanceof SharedArrayBuffer;
  return isBinary ? content.byteLength : undefined;
}

/** UTF-8 bytes of key and text, or of key and raw bytes. */
function measure(content, key, operation) {
  const bytes = sizeOf(content);
  if (bytes === undefined) {
    throw storageError(
      "INVALID_VALUE",
      "memory",
      operation,
      key,
      "with maxBytes, a raw value must be text, an ArrayBuffer, a view of one or a Blob",
    );
  }
  return Buffer.byteLength(key) + bytes;
}
export { memory as "module.exports" };
