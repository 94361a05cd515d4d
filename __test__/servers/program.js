/** Starts a server that is a program of its own, and speaks HTTP. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { atExit } from "./at-exit.js";

/**
 * Waits until `url` answers. What comes back has the `endpoint`, which is that URL, and `stop()`, which removes the `folder`, too, that the
 * program works in.
 */
export async function startProgram(command, args, { folder, env, url }) {
  // A group of its own, so that what the program starts ends with it.
  const options = { cwd: folder, env: { ...process.env, ...env }, stdio: "ignore", detached: true };
  const server = spawn(command, args, options);
  const ended = once(server, "exit").catch((error) => error);
  const end = () => {
    if (server.exitCode === null && server.pid !== undefined) process.kill(-server.pid, "SIGKILL");
  };
  const forget = atExit(end);
  for (let attempt = 0; ; attempt++) {
    const answer = await fetch(url).catch(() => undefined);
    await answer?.arrayBuffer();
    // Some listen before they have their parts together, and say 500.
    if (answer && answer.status < 500) break;
    if (server.exitCode !== null || server.pid === undefined || attempt > 600) {
      end();
      throw new Error(`${command} did not start: ${await ended}`);
    }
    await sleep(50);
  }
  return {
    endpoint: url,
    async stop() {
      end();
      await ended;
      forget();
      if (folder) rmSync(folder, { recursive: true, force: true });
    },
  };
}
