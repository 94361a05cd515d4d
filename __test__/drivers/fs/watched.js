/** A folder under a watcher. */
import fs from "rustorage/drivers/fs";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { onTestFinished } from "vitest";
import { folder } from "./folder.js";

/** Longer than a watcher waits for more to come. */
export const SETTLED = 300;

export function write(base, name, content = name) {
  mkdirSync(dirname(join(base, name)), { recursive: true });
  writeFileSync(join(base, name), content);
}

/** A watched folder: `heard()` waits for silence and gives what was told since the last time. */
export async function watched(options = {}, { base = folder(), driver = fs } = {}) {
  const watcher = driver({ base, ...options });
  const events = [];
  const unwatch = await watcher.watch((event, key) => events.push(`${event} ${key}`));
  onTestFinished(unwatch);
  const heard = async () => {
    let count;
    do {
      count = events.length;
      await sleep(SETTLED);
    } while (events.length > count);
    return events.splice(0);
  };
  return { base, watcher, events, unwatch, heard };
}
