import { ItemMap } from "../item-map.js";
import { createNativeDriver } from "../native-driver.js";

export default function lruCache(options = {}) {
  const { sizeCalculation, dispose } = options;
  return createNativeDriver("lru-cache", options, {
    observe: { measure: sizeCalculation ?? measure, dispose },
    forgets: true,
    methods(owner) {
      return {
        dispose: () => (owner.table < 0 ? undefined : owner.items.clear()),
        getInstance: () => (owner.instance ??= new ItemMap(owner.items)),
      };
    },
  });
}

function measure(content, key) {
  if (typeof content === "string") return key.length + Buffer.byteLength(content);
  return key.length + (content?.byteLength ?? JSON.stringify(content)?.length ?? 0);
}

/** unstorage's driver has to have a package installed, this one has not. */
export const DRIVER_DEPENDENCIES = {};
export { lruCache as "module.exports" };
