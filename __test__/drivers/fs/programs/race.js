/** Sets, reads, lists, removes and clears items that are in each other's way; prints what failed, and values that are not whole. */
import { createStorage } from "rustorage";
import fs from "rustorage/drivers/fs";

const [, , base, seed, options] = process.argv;
const storage = createStorage({ driver: fs({ base, ...JSON.parse(options) }) });
const KEYS = ["foo", "foo:bar", "foo:bar:baz", "foo:q", "a", "a:b", "a:b:c", "a:b:c:d"];
const BASES = ["", "foo", "a", "a:b"];

let state = Number(seed);
function random(below) {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>> 0) % below;
}
const pick = (list) => list[random(list.length)];

const failures = [];
async function act(key) {
  const what = random(100);
  try {
    if (what < 45) await storage.setItem(key, key.padEnd(200 + random(3000), "."));
    else if (what < 60) await storage.removeItem(key);
    else if (what < 63) await storage.clear(pick(BASES));
    else if (what < 70) await storage.getKeys(pick(BASES));
    else if (what < 75) await storage.hasItem(key);
    else {
      const value = await storage.getItem(key);
      if (value !== null && value !== key.padEnd(value.length, "."))
        failures.push(`${key}: ${value}`);
    }
  } catch ({ message }) {
    failures.push(message);
  }
}

for (let round = 0; round < 2000; round++) {
  await Promise.all(Array.from({ length: 8 }, () => act(pick(KEYS))));
}
console.log(JSON.stringify(failures));
