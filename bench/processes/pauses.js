/** Prints the longest pause for garbage collection while objects of 1 KB are written over and over, and the heap they take. */
import { PerformanceObserver } from "node:perf_hooks";
import { setTimeout } from "node:timers/promises";
import { list, object } from "../data.js";
import { load } from "../libraries.js";

const { createStorage, memory } = await load(process.argv[2]);
const values = list(1000, (index) => object(1000, index));

globalThis.gc();
const before = process.memoryUsage().heapUsed;

let longest = 0;
const observer = new PerformanceObserver((entries) => {
  for (const { duration } of entries.getEntries()) longest = Math.max(longest, duration);
});
observer.observe({ entryTypes: ["gc"] });

const storage = createStorage({ driver: memory() });
for (let index = 0; index < 150_000; index++) {
  await storage.setItem(`cache:user:${index % 50_000}`, values[index % values.length]);
}
// The observer hears of the last collections a turn later.
await setTimeout(50);
observer.disconnect();

globalThis.gc();
const heap = (process.memoryUsage().heapUsed - before) / 1e6;
console.log(JSON.stringify({ heap, pause: longest * 1e6 }));
await storage.getItem("cache:user:0");
