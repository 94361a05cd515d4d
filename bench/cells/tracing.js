/** What tracing costs where nobody listens: of a traced call's time, the share that the same call takes without tracing. */
import { KEYS, list, text } from "../data.js";

/** Calls in a row, and how often both ways take turns in a sample: long enough for the clock, and short for what disturbs both alike. */
const CALLS = 20_000;
const TURNS = 10;

function share(method, ...args) {
  let ways;
  return async (lib) => {
    ways ??= await Promise.all([open(lib, (storage) => storage), open(lib, lib.withTracing)]);
    const took = [0, 0];
    for (let turn = 0; turn < TURNS; turn++) {
      for (const which of turn % 2 ? [0, 1] : [1, 0]) {
        took[which] += await ways[which](method, args);
      }
    }
    return (100 * took[1]) / took[0];
  };
}

async function open({ createStorage, memory }, wrap) {
  const storage = wrap(createStorage({ driver: memory() }));
  const values = list(KEYS.length, (index) => text(30, index));
  for (const [index, name] of KEYS.entries()) await storage.setItem(name, values[index]);
  // A loop of its own, as in an app, which has one storage.
  const time = new Function(
    "storage",
    "keys",
    "args",
    "method",
    `return (async () => {
      const started = performance.now();
      for (let index = 0; index < ${CALLS}; index++) await storage[method](keys[index % keys.length], ...args);
      return performance.now() - started;
    })();`,
  );
  return (method, args) => time(storage, KEYS, args, method);
}

const least = { unit: "%", bar: 0.98, aim: 1 };

export const cells = [
  { name: "get 30 B, % of the time without", ...least, sample: share("getItem") },
  {
    name: "set 30 B, % of the time without",
    ...least,
    sample: share("setItem", "a text of some thirty bytes..."),
  },
  { name: "has, % of the time without", ...least, sample: share("hasItem") },
];
