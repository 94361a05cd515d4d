/** Batches and lists of keys in memory. */
import { KEYS, record, text } from "../data.js";

const BATCH = 100;

function batchReader(make) {
  return async ({ createStorage, memory }) => {
    const storage = createStorage({ driver: memory() });
    for (const [index, name] of KEYS.entries()) await storage.setItem(name, make(index));
    return (index) => storage.getItems(batchAt(index, KEYS));
  };
}

function batchWriter(make) {
  const items = KEYS.map((name, index) => ({ key: name, value: make(index) }));
  return ({ createStorage, memory }) => {
    const storage = createStorage({ driver: memory() });
    return (index) => storage.setItems(batchAt(index, items));
  };
}

function batchAt(index, all) {
  const start = (index * 37) % (all.length - BATCH);
  return all.slice(start, start + BATCH);
}

/** 10,000 keys under 1,000 prefixes. */
async function populated({ createStorage, memory }) {
  const storage = createStorage({ driver: memory() });
  for (let index = 0; index < 10_000; index++) {
    await storage.setItem(`cache:group${index % 1000}:${index}`, index);
  }
  return storage;
}

async function allKeys(lib) {
  const storage = await populated(lib);
  return () => storage.getKeys();
}

async function someKeys(lib) {
  const storage = await populated(lib);
  return (index) => storage.getKeys(`cache:group${(index * 7) % 1000}`);
}

/** Lists after each change of what there is to list. */
function changing(base) {
  return async (lib) => {
    const storage = await populated(lib);
    return async (index) => {
      if (index % 2 === 0) await storage.setItem("cache:group0:more", index);
      else await storage.removeItem("cache:group0:more");
      return storage.getKeys(base);
    };
  };
}

const short = (index) => text(30, index);

export const cells = [
  { name: "getItems of 100 texts", bar: 9, aim: 12, setup: batchReader(short) },
  { name: "setItems of 100 texts", bar: 4.5, aim: 6, setup: batchWriter(short) },
  { name: "getItems of 100 objects", bar: 1, setup: batchReader(record) },
  { name: "setItems of 100 objects", bar: 1, setup: batchWriter(record) },
  { name: "getKeys of 10,000", bar: 20, aim: 200, setup: allKeys },
  { name: "getKeys of 10 in 10,000", bar: 80, aim: 500, setup: someKeys },
  { name: "getKeys of 10,000, a key changed", bar: 1, setup: changing("") },
  { name: "getKeys of 10 in 10,000, a key changed", bar: 1, setup: changing("cache:group0") },
];
