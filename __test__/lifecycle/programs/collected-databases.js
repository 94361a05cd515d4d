/** Lets go of storages over databases without disposing of them, and waits until their files are closed. */
import { readdirSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createStorage } from "rustorage";
import lmdb from "rustorage/drivers/lmdb";
import sqlite from "rustorage/drivers/sqlite";

const folder = process.argv[2];

const openFiles = () =>
  readdirSync("/proc/self/fd").filter((descriptor) => {
    try {
      return readlinkSync(`/proc/self/fd/${descriptor}`).startsWith(folder);
    } catch {
      // It was the list's own.
      return false;
    }
  }).length;

async function use(driver) {
  const storage = createStorage({ driver });
  await storage.setItem("a", 1);
  return storage.getItem("a");
}

const values = [
  await use(lmdb({ path: join(folder, "lmdb") })),
  await use(sqlite({ path: join(folder, "sqlite") })),
];
const before = openFiles();
while (openFiles() > 0) {
  globalThis.gc();
  await sleep(20);
}
console.log(JSON.stringify({ values, opened: before > 0 }));
