import { createNativeDriver } from "../native-driver.js";

export default function lruCache(options = {}) {
  const { sizeCalculation, dispose } = options;
  return createNativeDriver("lru-cache", options, {
    observe: { measure: sizeCalculation ?? measure, dispose },
    forgets: true,
    methods(owner) {
      return { dispose: () => owner.items.clear(), getInstance: () => owner.items };
    },
  });
}

function measure(content, key) {
  if (typeof content === "string") return key.length + Buffer.byteLength(content);
  return key.length + (content?.byteLength ?? JSON.stringify(content)?.length ?? 0);
}
export { lruCache as "module.exports" };
