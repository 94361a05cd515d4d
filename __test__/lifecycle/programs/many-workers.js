/** Four workers at once; prints what each found. */
import { join } from "node:path";
import { Worker } from "node:worker_threads";

const answers = await Promise.all(
  [0, 1, 2, 3].map((number) => {
    const worker = new Worker(new URL("worker.js", import.meta.url), {
      workerData: { task: "own", base: join(process.argv[2], number < 2 ? "one" : "other") },
    });
    return new Promise((resolve, reject) => {
      let answer;
      worker.on("message", (message) => (answer = message));
      worker.on("error", reject);
      worker.on("exit", () => resolve(answer));
    });
  }),
);
console.log(JSON.stringify(answers));
