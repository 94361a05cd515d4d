/** Starts and stops watchers again and again; prints what the process holds after some and after many. */
import { createStorage } from "rustorage";
import fs from "rustorage/drivers/fs";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const [, , base, how] = process.argv;

async function round(number) {
  const storage = createStorage().mount("files", fs({ base: join(base, String(number % 3)) }));
  let heard;
  const first = new Promise((resolve) => (heard = resolve));
  const unwatch = await storage.watch(heard);
  await storage.setItem("files:a:b", String(number));
  await first;
  if (how === "unmount") await storage.unmount("files");
  if (how === "dispose") await storage.dispose();
  await unwatch();
}

const count = () => ({
  threads: readdirSync("/proc/self/task").length,
  files: readdirSync("/proc/self/fd").length,
});

/** Threads end some time after they were told to: the count once it holds still. */
async function held() {
  let last;
  let now = JSON.stringify(count());
  do {
    last = now;
    await sleep(300);
    now = JSON.stringify(count());
  } while (now !== last);
  return count();
}

// A watcher keeps no process alive.
const alive = setInterval(() => {}, 1000);
for (let number = 0; number < 5; number++) await round(number);
const early = await held();
for (let number = 0; number < 20; number++) await round(number);
console.log(JSON.stringify({ early, late: await held() }));
clearInterval(alive);
