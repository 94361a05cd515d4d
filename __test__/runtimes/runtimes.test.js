/** The smoke suite under other runtimes than the tests': each a process of its own, which has to end by itself. */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";

const path = (relative) => fileURLToPath(new URL(relative, import.meta.url));

const RUNTIMES = {
  Node: [process.execPath],
  Bun: [path("../../node_modules/bun/bin/bun")],
  // Deno would install the packages anew.
  Deno: [path("../../node_modules/deno/deno"), "run", "--allow-all", "--node-modules-dir=manual"],
};

test.each(Object.keys(RUNTIMES))(
  "every method, on memory and files, workers, servers and tracing: %s",
  async (name) => {
    const folder = mkdtempSync(join(tmpdir(), "rustorage-"));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const [command, ...args] = RUNTIMES[name];
    const { stdout } = await promisify(execFile)(command, [...args, path("smoke.js"), folder], {
      cwd: folder,
      env: { ...process.env, DENO_NO_UPDATE_CHECK: "1" },
      timeout: 100_000,
      killSignal: "SIGKILL",
    });
    const steps = process.platform === "win32" ? 56 : 80;
    expect(JSON.parse(stdout)).toEqual({ steps, failed: {} });
  },
);
