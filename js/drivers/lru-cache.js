/** The items that were used last, as many as the limits allow, in the memory of one thread. */
import { inMemoryMethods } from "../in-memory.js";
import { createNativeDriver } from "../native-driver.js";

export default function lruCache(options = {}) {
  const { sizeCalculation, dispose } = options;
  return createNativeDriver("lru-cache", options, {
    observe: { measure: sizeCalculation ?? measure, dispose },
    forgets: true,
    methods: inMemoryMethods,
  });
}

function measure(content, key) {
  if (typeof content === "string") return key.length + Buffer.byteLength(content);
  return key.length + (content?.byteLength ?? JSON.stringify(content)?.length ?? 0);
}

/** unstorage's driver has to have a package installed, this one has not. */
export const DRIVER_DEPENDENCIES = {};
export { lruCache as "module.exports" };
