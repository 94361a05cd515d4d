/** A thread that asks for many lists, whose driver asks it whether files are ignored, and is busy until it is told to go on. */
import { createStorage } from "rustorage";
import fsLite from "rustorage/drivers/fs-lite";
import { parentPort, workerData } from "node:worker_threads";

const { base, signal } = workerData;
const storage = createStorage({
  driver: fsLite({ base, ignore: (path) => path.endsWith("ignored") }),
});
const lists = Array.from({ length: 20 }, () => storage.getKeys());
parentPort.postMessage("busy");
Atomics.wait(signal, 0, 0);
parentPort.postMessage(await Promise.all(lists));
