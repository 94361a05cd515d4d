/** A driver in plain JavaScript, as an app writes it by hand, mounted in each library. */
import { key, list, record, text } from "../data.js";

function mapDriver() {
  const items = new Map();
  return {
    name: "map",
    hasItem: (name) => items.has(name),
    getItem: (name) => items.get(name) ?? null,
    setItem(name, value) {
      items.set(name, value);
    },
    removeItem(name) {
      items.delete(name);
    },
    getKeys: () => [...items.keys()],
  };
}

function asyncMapDriver() {
  const { getItem, setItem, ...driver } = mapDriver();
  return {
    ...driver,
    getItem: async (name) => getItem(name),
    setItem: async (name, value) => setItem(name, value),
  };
}

function pair(kind, driver, make) {
  const values = list(1000, make);
  const open = async ({ createStorage }) => {
    const storage = createStorage();
    storage.mount("cache", driver());
    for (const [index, value] of values.entries()) await storage.setItem(key(index), value);
    return storage;
  };
  const aims = { bar: 1, aim: 2 };
  return [
    {
      name: `getItem ${kind}`,
      ...aims,
      async setup(lib) {
        const storage = await open(lib);
        return (index) => storage.getItem(key(index));
      },
    },
    {
      name: `setItem ${kind}`,
      ...aims,
      async setup(lib) {
        const storage = await open(lib);
        return (index) => storage.setItem(key(index), values[(index * 7) % values.length]);
      },
    },
  ];
}

export const cells = [
  ...pair("30 B text", mapDriver, (index) => text(30, index)),
  ...pair("100 B object", mapDriver, record),
  ...pair("30 B text, async driver", asyncMapDriver, (index) => text(30, index)),
];
