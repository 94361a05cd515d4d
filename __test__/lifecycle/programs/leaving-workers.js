/** Workers end with 1,000 calls in flight, again and again; prints what the process holds after some and after many. */
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { Worker } from "node:worker_threads";

const [, , base, exits, mainThread] = process.argv;
if (mainThread === "loaded") await import("rustorage");

function held() {
  const status = readFileSync("/proc/self/status", "utf8");
  const field = (name) => Number(status.match(new RegExp(`${name}:\\s+(\\d+)`))[1]);
  return {
    threads: field("Threads"),
    files: readdirSync("/proc/self/fd").length,
    kilobytes: field("VmRSS"),
  };
}

async function round(number) {
  const worker = new Worker(new URL("worker.js", import.meta.url), {
    workerData: { task: "leave", base: join(base, String(number)), exits: exits === "exits" },
  });
  const ended = new Promise((resolve) => worker.once("exit", resolve));
  await new Promise((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
  });
  if (exits !== "exits") await worker.terminate();
  await ended;
}

for (let number = 0; number < 5; number++) await round(number);
const early = held();
for (let number = 5; number < 25; number++) await round(number);
// Calls that were in flight end in the pool after their worker, and threads beyond the usual number a second later; on a busy machine
// that takes a while.
const given = Date.now() + 60_000;
do await new Promise((resolve) => setTimeout(resolve, 2000));
while (held().threads > early.threads && Date.now() < given);
globalThis.gc();
console.log(JSON.stringify({ early, late: held() }));
