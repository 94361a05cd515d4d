/** Layers of drivers: reads take the first layer that has the key, writes go to the first layer alone. */
import { storageError } from "../errors.js";
import { normalizeKey } from "../keys.js";
import { runtimeOptions } from "../runtime-options.js";

/** What a removed key holds in the first layer, to hide it in those below; unstorage's own mark. */
const REMOVED = "__OVERLAY_REMOVED__";

export default function overlay(given) {
  const { options, mount } = runtimeOptions("overlay", given, null);
  const layers = options?.layers;
  const refuse = (cause) => {
    throw storageError("INVALID_OPTIONS", "overlay", "create", mount, cause);
  };
  if (!Array.isArray(layers) || layers.length === 0) refuse("the option `layers` is required");
  const wrong = layers.findIndex((layer) => typeof layer?.getItem !== "function");
  if (wrong >= 0) refuse(`the option \`layers[${wrong}]\` must be a driver`);
  const [top] = layers;
  const isRemoved = async (key) => (await top.getItem(key)) === REMOVED;
  const read = async (method, key, opts) => {
    for (const layer of layers) {
      const value = await (layer[method] ?? layer.getItem).call(layer, key, opts);
      if (value === REMOVED) return null;
      if (value !== null && value !== undefined) return value;
    }
    return null;
  };
  return {
    name: "overlay",
    options,
    async hasItem(key, opts) {
      if (await isRemoved(key)) return false;
      for (const layer of layers) if (await layer.hasItem(key, opts)) return true;
      return false;
    },
    getItem: (key, opts) => read("getItem", key, opts),
    async setItem(key, value, opts) {
      await top.setItem?.(key, value, opts);
    },
    async removeItem(key, opts) {
      await top.setItem?.(key, REMOVED, opts);
    },
    async getKeys(base, opts) {
      const lists = await Promise.all(layers.map((layer) => layer.getKeys(base, opts)));
      const keys = [...new Set(lists.flatMap((list) => [...list].map((key) => normalizeKey(key))))];
      const removed = await Promise.all(keys.map(isRemoved));
      return keys.filter((_, index) => !removed[index]);
    },
    async dispose() {
      await Promise.all(layers.map(async (layer) => layer.dispose?.()));
    },
  };
}
export { overlay as "module.exports" };
