/** Prints what a million small texts cost: JavaScript heap, memory of the process, the longest of five full collections. */
import { text } from "../data.js";
import { load } from "../libraries.js";

const { createStorage, memory } = await load(process.argv[2]);

globalThis.gc();
const before = process.memoryUsage();

const storage = createStorage({ driver: memory() });
for (let index = 0; index < 1_000_000; index++) {
  await storage.setItem(`cache:user:${index}`, text(30, index));
}

const collections = [];
for (let turn = 0; turn < 5; turn++) {
  const started = performance.now();
  globalThis.gc();
  collections.push(performance.now() - started);
}
const after = process.memoryUsage();

console.log(
  JSON.stringify({
    heap: (after.heapUsed - before.heapUsed) / 1e6,
    rss: (after.rss - before.rss) / 1e6,
    collection: Math.max(...collections) * 1e6,
  }),
);
// Nothing may be collected before it was measured.
await storage.getItem("cache:user:0");
