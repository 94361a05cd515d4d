/** A worker that does one of several things with storages, and tells the main thread when it is at it. */
import { createStorage } from "rustorage";
import fs from "rustorage/drivers/fs";
import memory from "rustorage/drivers/memory";
import { parentPort, threadId, workerData } from "node:worker_threads";

const { task, base } = workerData;

const TASKS = {
  /** Ends with calls in flight. */
  async leave() {
    const storage = createStorage({ driver: fs({ base }) });
    for (let index = 0; index < 500; index++) {
      void storage.setItem(`item:${index}`, `value ${index}`);
      void storage.getItem(`item:${index}`);
    }
    parentPort.postMessage("in flight");
    if (workerData.exits) process.exit(0);
    // Stays until it is terminated.
    setInterval(() => {}, 1000);
  },
  /** Writes and reads values that no other thread has. */
  async own() {
    const storage = createStorage({ driver: memory() }).mount("files", fs({ base }));
    const problems = [];
    for (let index = 0; index < 200; index++) {
      const value = { threadId, index };
      const key = `thread:${threadId}:${index}`;
      await storage.setItem("shared", value);
      await storage.setItem(key, value, { ttl: 100 });
      await storage.setItem(`files:${key}`, value);
      for (const name of ["shared", key, `files:${key}`]) {
        const found = await storage.getItem(name);
        if (found.threadId !== threadId || found.index !== index) problems.push({ name, found });
      }
    }
    parentPort.postMessage({ problems, keys: (await storage.getKeys(`thread`)).length });
  },
};

await TASKS[task]();
