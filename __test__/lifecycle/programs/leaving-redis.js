/** Leaves with 1,000 calls in flight, and a watcher: by process.exit, or as workers that are terminated. */
import { createStorage } from "rustorage";
import redis from "rustorage/drivers/redis";
import { fileURLToPath } from "node:url";
import { Worker, isMainThread, parentPort, workerData } from "node:worker_threads";

const { port, what } = isMainThread
  ? { port: process.argv[2], what: process.argv[3] }
  : { port: workerData, what: "stay" };

function begin() {
  const storage = createStorage({ driver: redis({ port, keyspaceNotifications: "configure" }) });
  void storage.watch(() => {});
  for (let index = 0; index < 500; index++) {
    void storage.setItem(`item:${index}`, `value ${index}`);
    void storage.getItem(`item:${index}`);
  }
}

async function terminated() {
  const worker = new Worker(fileURLToPath(import.meta.url), { workerData: port });
  const said = await new Promise((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
  });
  await worker.terminate();
  return said;
}

if (what === "stay") {
  begin();
  parentPort.postMessage("in flight");
} else if (what === "exit") {
  begin();
  setTimeout(() => {
    process.stdout.write(JSON.stringify("in flight"), () => process.exit(0));
  }, 50);
} else {
  const said = [];
  for (let round = 0; round < 5; round++) said.push(await terminated());
  console.log(JSON.stringify(said));
}
