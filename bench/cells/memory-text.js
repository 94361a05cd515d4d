/** Texts in memory, one at a time and a thousand at once. */
import { KEYS, freshKey, list, text } from "../data.js";

const SHORT = list(KEYS.length, (index) => text(30, index));
const SLASHED = KEYS.map((name) => name.replaceAll(":", "/"));

function empty({ createStorage, memory }) {
  return createStorage({ driver: memory() });
}

async function filled(lib, values = SHORT, keys = KEYS) {
  const storage = empty(lib);
  for (const [index, name] of keys.entries()) {
    await storage.setItem(name, values[index % values.length]);
  }
  return storage;
}

function getter(values, keys = KEYS) {
  return async (lib) => {
    const storage = await filled(lib, values, keys);
    return (index) => storage.getItem(keys[index % keys.length]);
  };
}

function setter(values) {
  return async (lib) => {
    const storage = await filled(lib, values);
    // Another value with every turn of the keys.
    return (index) =>
      storage.setItem(KEYS[index % KEYS.length], values[(index * 7) % values.length]);
  };
}

async function has(lib) {
  const storage = await filled(lib);
  return (index) => storage.hasItem(KEYS[index % KEYS.length]);
}

async function freshGet(lib) {
  const storage = await filled(lib);
  return (index) => storage.getItem(freshKey(index));
}

async function freshSet(lib) {
  const storage = await filled(lib);
  return (index) => storage.setItem(freshKey(index), SHORT[(index * 7) % SHORT.length]);
}

async function freshHas(lib) {
  const storage = await filled(lib);
  return (index) => storage.hasItem(freshKey(index));
}

async function mounted(lib) {
  const storage = empty(lib);
  const keys = list(1000, (index) => `mount${index % 20}:user:${index}`);
  for (const base of list(20, (index) => `mount${index}`)) storage.mount(base, lib.memory());
  for (const [index, name] of keys.entries()) await storage.setItem(name, SHORT[index]);
  return (index) => storage.getItem(keys[index % keys.length]);
}

async function prefixed(lib) {
  const storage = lib.prefixStorage(await filled(lib), "cache");
  const keys = list(KEYS.length, (index) => `user:${index}`);
  return (index) => storage.getItem(keys[index % keys.length]);
}

async function thousand(lib) {
  const storage = await filled(lib);
  return () => {
    const reads = [];
    for (const name of KEYS) reads.push(storage.getItem(name));
    return Promise.all(reads);
  };
}

/** Few enough values of a size that the machine's caches and not its memory are read. */
function sized(bytes) {
  return list(bytes > 1000 ? 20 : 200, (index) => text(bytes, index));
}

const most = { bar: 5, aim: 8 };

export const cells = [
  { name: "get 30 B", ...most, setup: getter(SHORT) },
  { name: "set 30 B", ...most, setup: setter(SHORT) },
  { name: "has", ...most, setup: has },
  { name: "get 30 B, key made for the call", ...most, setup: freshGet },
  { name: "set 30 B, key made for the call", ...most, setup: freshSet },
  { name: "has, key made for the call", ...most, setup: freshHas },
  { name: "get 30 B, key with slashes", ...most, setup: getter(SHORT, SLASHED) },
  { name: "get 30 B, 20 mounts", ...most, setup: mounted },
  { name: "get 30 B, prefixed", ...most, setup: prefixed },
  { name: "get 30 B x1000", ...most, setup: thousand },
  ...[
    ["100 B", 100],
    ["1 KB", 1000],
    ["10 KB", 10_000],
    ["100 KB", 100_000],
  ].flatMap(([size, bytes]) => [
    { name: `get ${size}`, ...most, setup: getter(sized(bytes)) },
    { name: `set ${size}`, ...most, setup: setter(sized(bytes)) },
  ]),
];
