/** Objects in memory, and what Nitro's cache keeps. */
import { cachedResponse, key, list, object } from "../data.js";

/** How many different values and keys of a size there are. */
function amount(bytes) {
  return bytes >= 10_000 ? 50 : 1000;
}

function getter(bytes, make) {
  return async ({ createStorage, memory }) => {
    const storage = createStorage({ driver: memory() });
    const count = amount(bytes);
    for (let index = 0; index < count; index++) await storage.setItem(key(index), make(index));
    return (index) => storage.getItem(key(index % count));
  };
}

function setter(bytes, make) {
  return ({ createStorage, memory }) => {
    const storage = createStorage({ driver: memory() });
    const count = amount(bytes);
    const values = list(count, make);
    return (index) => storage.setItem(key(index % count), values[(index * 7) % count]);
  };
}

function pair(name, bytes, make, get, set) {
  return [
    { name: `get ${name}`, ...get, setup: getter(bytes, make) },
    { name: `set ${name}`, ...set, setup: setter(bytes, make) },
  ];
}

function objects(name, bytes, get, set) {
  return pair(name, bytes, (index) => object(bytes, index), get, set);
}

export const cells = [
  ...objects("100 B", 100, { bar: 7, aim: 9 }, { bar: 4, aim: 5 }),
  ...objects("1 KB", 1000, { bar: 3.5, aim: 5 }, { bar: 2, aim: 3 }),
  ...objects("10 KB", 10_000, { bar: 2.5, aim: 3.5 }, { bar: 0.9, aim: 1 }),
  ...pair(
    "Nitro's cached response, 50 KB",
    50_000,
    cachedResponse,
    { bar: 60, aim: 120 },
    { bar: 100, aim: 200 },
  ),
];
