/** What is measured of each contender. It is imported once for each, so that none is slow for what another does. */
import { list, text } from "../data.js";

const KEYS = list(1000, (index) => `users:${index % 10}:${index}`);
const VALUES = list(1000, (index) => text(100, index));
const key = (index) => KEYS[index % KEYS.length];
const value = (index) => VALUES[(index * 7) % 1000];

async function filled(open) {
  const storage = open();
  await Promise.all(KEYS.map((name, index) => storage.setItem(name, VALUES[index])));
  return storage;
}

const get = (width) => async (open) => {
  const storage = await filled(open);
  if (width === 1) return (index) => storage.getItem(key(index));
  return (index) =>
    Promise.all(list(width, (offset) => storage.getItem(key(index * width + offset))));
};

const set = (width, settings) => async (open) => {
  const storage = await filled(() => open(settings));
  if (width === 1) return (index) => storage.setItem(key(index), value(index));
  return (index) =>
    Promise.all(
      list(width, (offset) => storage.setItem(key(index * width + offset), value(offset))),
    );
};

async function getItems(open) {
  const storage = await filled(open);
  return (index) => {
    const start = (index * 37) % 900;
    return storage.getItems(KEYS.slice(start, start + 100));
  };
}

const COUNT = Number(process.env.ITEMS ?? 1_000_000);

/** A million items, a hundred under each prefix. */
async function many(open, options) {
  const storage = open(options);
  for (let index = 0; index < COUNT; index += 10_000) {
    const keys = list(10_000, (offset) => index + offset);
    await storage.setItems(
      keys.map((at) => ({ key: `p${Math.floor(at / 100)}:${at}`, value: at })),
    );
  }
  return storage;
}

const quick = { sync: "none" };

async function prefix(open) {
  const storage = await many(open, quick);
  return (index) => storage.getKeys(`p${(index * 7919) % (COUNT / 100)}`);
}

async function all(open) {
  const storage = await many(open, quick);
  return () => storage.getKeys();
}

/** Opens the file anew, up to its first answer. */
async function reopen(open) {
  const storage = await many(open, quick);
  return async () => {
    await storage.dispose();
    return storage.getItem("p0:1");
  };
}

const DATABASES = ["lmdb", "sqlite"];

export const CELLS = [
  { name: "get", setup: get(1) },
  { name: "get x64", setup: get(64) },
  { name: "get x1000", setup: get(1000) },
  { name: "getItems of 100", setup: getItems },
  { name: "durable set", setup: set(1) },
  { name: "durable set x64", setup: set(64) },
  { name: "durable set x1000", setup: set(1000) },
  { name: 'set, `sync: "none"`', setup: set(1, quick), of: DATABASES },
  { name: 'set x1000, `sync: "none"`', setup: set(1000, quick), of: DATABASES },
  { name: "getKeys of 100 in 1,000,000", setup: prefix, of: DATABASES },
  { name: "getKeys of 1,000,000", setup: all, of: DATABASES, rounds: 3 },
  { name: "close and reopen 1,000,000", setup: reopen, of: DATABASES },
];
