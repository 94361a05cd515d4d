/** A folder under a watcher. */
import fs from "rustorage/drivers/fs";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, onTestFinished, vi } from "vitest";
import { folder } from "../../folder.js";

/** Longer than a watcher waits for more to come. */
export const SETTLED = 300;

export function write(base, name, content = name) {
  mkdirSync(dirname(join(base, name)), { recursive: true });
  writeFileSync(join(base, name), content);
}

/** Waits until `events` holds so many and no more come. */
export async function silence(events, count) {
  await vi.waitFor(() => expect(events.length).toBeGreaterThanOrEqual(count), { timeout: 10_000 });
  do {
    count = events.length;
    await sleep(SETTLED);
  } while (events.length > count);
}

/** A watched folder. `heard(events)`: these are all since the last time, in any order. Who calls a driver by itself hears paths. */
export async function watched(options = {}, { base = folder(), driver = fs } = {}) {
  const watcher = driver({ base, ...options });
  const events = [];
  const unwatch = await watcher.watch((event, key) => events.push(`${event} ${key}`));
  onTestFinished(unwatch);
  const heard = async (expected) => {
    await silence(events, expected.length).catch(() => {});
    const keys = events.splice(0).map((event) => event.replaceAll("/", ":"));
    expect(keys.sort()).toEqual([...expected].sort());
  };
  return { base, watcher, events, unwatch, heard };
}
