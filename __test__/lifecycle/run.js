/** Runs a program of `programs/` in a process of its own, under the Node that runs the tests. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";

/** Gives what it printed, as JSON. A process that fails, or does not end by itself within a minute, rejects. */
export function run(program, ...args) {
  const file = fileURLToPath(new URL(`programs/${program}.js`, import.meta.url));
  return new Promise((resolve, reject) => {
    execFile(
      process.execPath,
      ["--expose-gc", "--unhandled-rejections=strict", file, ...args],
      { timeout: 60_000, killSignal: "SIGKILL" },
      (error, stdout, stderr) => {
        if (error) reject(new Error(`${error.message}\n${stdout}\n${stderr}`, { cause: error }));
        else if (stderr) reject(new Error(`${program} wrote: ${stderr}`));
        else resolve(stdout === "" ? undefined : JSON.parse(stdout));
      },
    );
  });
}
