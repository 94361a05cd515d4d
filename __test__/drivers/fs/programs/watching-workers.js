/** Workers end while they watch, again and again; prints what the process holds after some and after many. */
import { createStorage } from "rustorage";
import fs from "rustorage/drivers/fs";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Worker, isMainThread, parentPort, workerData } from "node:worker_threads";

if (isMainThread) await main();
else await watch(workerData);

async function watch({ base, exits }) {
  const storage = createStorage({ driver: fs({ base }) });
  await storage.watch(() => {});
  // Changes and calls are under way when it ends.
  for (let index = 0; index < 50; index++) void storage.setItem(`a:${index}`, index);
  parentPort.postMessage("watching");
  if (exits) process.exit(0);
  setInterval(() => {}, 1000);
}

async function round(number) {
  const exits = process.argv[3] === "exits";
  const base = join(process.argv[2], String(number));
  const worker = new Worker(new URL(import.meta.url), { workerData: { base, exits } });
  const ended = new Promise((resolve) => worker.once("exit", resolve));
  await new Promise((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
  });
  if (!exits) await worker.terminate();
  await ended;
}

async function held() {
  await sleep(1000);
  return {
    threads: readdirSync("/proc/self/task").length,
    files: readdirSync("/proc/self/fd").length,
  };
}

async function main() {
  for (let number = 0; number < 4; number++) await round(number);
  const early = await held();
  for (let number = 4; number < 12; number++) await round(number);
  console.log(JSON.stringify({ early, late: await held() }));
}
