/** The cache of a thousand items that evicts the one unused longest. */
import { key, list, record } from "../data.js";

const VALUES = list(1000, record);

async function get({ createStorage, lruCache }) {
  const storage = createStorage({ driver: lruCache({ max: 1000 }) });
  for (const [index, value] of VALUES.entries()) await storage.setItem(key(index), value);
  return (index) => storage.getItem(key(index * 7));
}

/** Sets as many different keys in turn: above 1,000 every write evicts. */
function set(keyCount) {
  const keys = list(keyCount, (index) => `cache:user:${index}`);
  return ({ createStorage, lruCache }) => {
    const storage = createStorage({ driver: lruCache({ max: 1000 }) });
    return (index) => storage.setItem(keys[index % keys.length], VALUES[(index * 7) % 1000]);
  };
}

export const cells = [
  { name: "get 100 B", bar: 3, aim: 6, setup: get },
  { name: "set 100 B", bar: 3, aim: 6, setup: set(1000) },
  { name: "set 100 B, evicting", bar: 1, setup: set(2000) },
];
