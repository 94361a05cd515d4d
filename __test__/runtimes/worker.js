/** A worker that writes and reads: to its end, or until it is terminated. */
import { createStorage } from "rustorage";
import fs from "rustorage/drivers/fs";
import { parentPort, workerData } from "node:worker_threads";

const { base, name, stays } = workerData;
const storage = createStorage().mount("files", fs({ base }));

if (stays) {
  for (let index = 0; index < 500; index++) void storage.setItem(`files:${name}:${index}`, index);
  parentPort.postMessage("in flight");
  setInterval(() => {}, 1000);
} else {
  for (let index = 0; index < 200; index++) {
    await storage.setItem(`${index}`, name, { ttl: 60 });
    await storage.setItem(`files:${name}:${index}`, index);
  }
  const own = await storage.getKeys(`files:${name}`);
  const values = await storage.getItems(Array.from({ length: 200 }, (_, index) => `${index}`));
  parentPort.postMessage(values.every(({ value }) => value === name) ? own.length : "mixed up");
}
