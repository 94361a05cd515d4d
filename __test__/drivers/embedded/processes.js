/** Programs of `programs/` in processes of their own, each of which prints a line when it has begun. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/** Starts one; `ended` gives its lines, its code and its signal. */
export async function start(program, settings, options) {
  const file = fileURLToPath(new URL(`programs/${program}.js`, import.meta.url));
  const child = spawn(process.execPath, [file, JSON.stringify(settings)], {
    stdio: ["pipe", "pipe", "inherit"],
    ...options,
  });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text) => (output += text));
  const ended = once(child, "close").then(([code, signal]) => ({
    code,
    signal,
    lines: output.split("\n").filter((line) => line !== ""),
  }));
  await Promise.race([once(child.stdout, "data"), ended]);
  return { child, ended };
}
