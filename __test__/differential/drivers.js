/** The drivers that sequences mount, made of the parts that either side has. */
import { mapDriver } from "../conformance/map-driver.js";

/** By name: `({ memory, lruCache, overlay, nullDriver }) => driver`. */
export const DRIVERS = {
  memory: ({ memory }) => memory(),
  /** Small enough to evict. */
  "lru-cache": ({ lruCache }) => lruCache({ max: 6 }),
  overlay: ({ memory, overlay }) => overlay({ layers: [memory(), mapDriver(prefilled())] }),
  map: () => mapDriver(),
  /** Reads and writes many at once, and clears by itself. */
  batching() {
    const items = new Map();
    return {
      ...mapDriver(items),
      getItems: (asked) => asked.map(({ key }) => ({ key, value: items.get(key) ?? null })),
      setItems(given) {
        for (const { key, value } of given) items.set(key, value);
      },
      clear: () => items.clear(),
    };
  },
  /** Counts maxDepth in its own keys, as a driver does that has it natively. */
  deep() {
    const driver = mapDriver();
    return {
      ...driver,
      flags: { maxDepth: true },
      getKeys: (_, { maxDepth = Infinity } = {}) =>
        driver.getKeys().filter((key) => key.split(":").length - 1 <= maxDepth),
    };
  },
  readOnly() {
    const { hasItem, getItem, getKeys } = mapDriver(prefilled());
    return { hasItem, getItem, getKeys };
  },
  spread: ({ memory }) => ({ ...memory() }),
  null: ({ nullDriver }) => nullDriver(),
};

function prefilled() {
  return new Map([
    ["a", "1"],
    ["a$", '{"mtime":"2020-01-01T00:00:00.000Z"}'],
    ["b:c", "text"],
    ["d", '{"e":[1,2]}'],
  ]);
}
