/** A worker that writes until it is ended, and says when it has begun. */
import { parentPort, workerData } from "node:worker_threads";
import { createStorage } from "rustorage";
import { FACTORIES } from "./factories.js";

const { name, path, count } = workerData;
const storage = createStorage({ driver: FACTORIES[name]({ path }) });
for (let number = 0; number < count; number++) {
  await storage.setItem(`worker:${number}`, number);
  if (number === 10) parentPort.postMessage("begun");
}
