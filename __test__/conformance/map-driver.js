/** What an app writes by hand: a driver over a Map that keeps text and knows nothing of bases, raw values or ttl. */
export function mapDriver(items = new Map()) {
  return {
    name: "map",
    hasItem: (key) => items.has(key),
    getItem: (key) => items.get(key) ?? null,
    setItem(key, value) {
      items.set(key, value);
    },
    removeItem(key) {
      items.delete(key);
    },
    getKeys: () => [...items.keys()],
  };
}
