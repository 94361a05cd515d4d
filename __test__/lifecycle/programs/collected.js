/** Makes and drops storages, drivers and items; prints how the heap grows between the first rounds and the last, and what small items hold. */
import { createStorage } from "rustorage";
import fs from "rustorage/drivers/fs";
import memory from "rustorage/drivers/memory";

async function round() {
  for (let index = 0; index < 500; index++) {
    const storage = createStorage({ driver: memory() });
    storage.mount("more", memory()).mount("files", fs({ base: process.argv[2] }));
    await storage.setItem("text", "x".repeat(10_000) + index);
    await storage.setItemRaw("more:bytes", new Uint8Array(10_000));
    await storage.getKeys();
  }
  // Finalizers run between turns of the loop.
  for (let turn = 0; turn < 3; turn++) {
    globalThis.gc();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

for (let index = 0; index < 3; index++) await round();
const early = await round();
for (let index = 0; index < 5; index++) await round();
const late = await round();

const reference = await (async () => {
  const storage = createStorage();
  let value = { large: new Array(1000).fill("x") };
  const watched = new WeakRef(value);
  await storage.setItemRaw("a", value, { ttl: 0.01 });
  value = undefined;
  // Nobody asks for it again: the sweeper drops it.
  const until = Date.now() + 5000;
  while (watched.deref() && Date.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    globalThis.gc();
  }
  return watched.deref() === undefined;
})();
// A slice keeps alive what it was cut from; an item must not.
const cut = createStorage();
const before = process.memoryUsage().heapUsed;
for (let index = 0; index < 100; index++) {
  const page = "x".repeat(1_000_000) + index;
  await cut.setItem(`page:${index}`, {
    title: page.slice(1000, 1050),
    page: page.slice(2000, 2020),
  });
}
globalThis.gc();
const heldBySlices = process.memoryUsage().heapUsed - before;
await cut.getItem("page:0");

console.log(JSON.stringify({ early, late, expiredIsCollected: reference, heldBySlices }));
