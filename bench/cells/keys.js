/** The key helpers that apps call by themselves. */
import { KEYS, list } from "../data.js";

const ODD = list(1000, (index) => `/cache//user\\${index}:?page=1`);

function normalizer(keys) {
  return ({ normalizeKey }) =>
    (index) =>
      normalizeKey(keys[index % keys.length]);
}

export const cells = [
  { name: "normalizeKey of a normal key", bar: 1, setup: normalizer(KEYS) },
  { name: "normalizeKey of an odd key", bar: 1, setup: normalizer(ODD) },
  {
    name: "joinKeys",
    bar: 1,
    setup:
      ({ joinKeys }) =>
      (index) =>
        joinKeys("cache", "user", KEYS[index % KEYS.length]),
  },
];
