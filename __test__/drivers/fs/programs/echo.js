/** A worker thread that answers each key it is told with the item it finds. */
import { createStorage } from "rustorage";
import fs from "rustorage/drivers/fs";
import { parentPort, workerData } from "node:worker_threads";

const storage = createStorage({ driver: fs({ base: workerData.base }) });
parentPort.on("message", async (key) => parentPort.postMessage(await storage.getItem(key)));
