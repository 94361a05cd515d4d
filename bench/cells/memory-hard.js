/** What a storage of parsed values should lose, or win least: shown without a bar. */
import { freshKey, key, list, object, text } from "../data.js";

function writeOnceReadOnce(bytes) {
  const values = list(50, (index) => object(bytes, index));
  return ({ createStorage, memory }) => {
    const storage = createStorage({ driver: memory() });
    return async (index) => {
      const name = freshKey(index);
      await storage.setItem(name, values[index % values.length]);
      const value = await storage.getItem(name);
      await storage.removeItem(name);
      return value;
    };
  };
}

async function mutateAfterGet({ createStorage, memory }) {
  const storage = createStorage({ driver: memory() });
  for (let index = 0; index < 1000; index++) await storage.setItem(key(index), object(1000, index));
  return async (index) => {
    const value = await storage.getItem(key(index));
    value.total = index;
    value.seen = true;
    value.records[0].extra = "added";
    value.records.push(value.records.shift());
    await storage.setItem(key(index), value);
    return value;
  };
}

/** Texts, numbers and objects of many shapes and sizes. */
const MIXED = list(250, (index) => {
  const kinds = [
    () => text(30, index),
    () => object(100, index),
    () => text(5000, index),
    () => object(2000, index),
    () => ({ [`field${index}`]: [index, null, { deep: { deeper: object(500, index) } }] }),
    () => index * 1.5,
    () => list(50, (at) => at * index),
    () => object(10_000, index),
  ];
  return kinds[index % kinds.length]();
});

async function mixedGet({ createStorage, memory }) {
  const storage = createStorage({ driver: memory() });
  for (const [index, value] of MIXED.entries()) await storage.setItem(key(index), value);
  return (index) => storage.getItem(key((index * 7) % MIXED.length));
}

function mixedSet({ createStorage, memory }) {
  const storage = createStorage({ driver: memory() });
  return (index) => storage.setItem(key(index % 500), MIXED[(index * 7) % MIXED.length]);
}

export const cells = [
  { name: "write once, read once, 1 KB", setup: writeOnceReadOnce(1000) },
  { name: "write once, read once, 10 KB", setup: writeOnceReadOnce(10_000) },
  { name: "get, change, set, 1 KB", setup: mutateAfterGet },
  { name: "get mixed sizes", setup: mixedGet },
  { name: "set mixed sizes", setup: mixedSet },
];
