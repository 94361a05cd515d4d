/** Where the watcher of fs differs from unstorage's on purpose. */
import fs from "rustorage/drivers/fs";
import { symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { run } from "../lifecycle/run.js";
import { folder } from "../folder.js";

test("every callback of a driver's watch is called", async () => {
  const driver = fs({ base: folder() });
  const first = vi.fn();
  const second = vi.fn();
  const stops = [await driver.watch(first), await driver.watch(second)];
  await driver.setItem("a", "1");
  for (const callback of [first, second]) {
    await vi.waitFor(() => expect(callback.mock.calls).toEqual([["update", "a"]]));
  }
  for (const stop of stops) await stop();
});

test("a watcher takes some of chokidar's options", () => {
  const known = { usePolling: true, interval: 5, depth: 1, awaitWriteFinish: true, ignored: "a" };
  fs({ base: "unused", watchOptions: { ...known, ignoreInitial: false } });
  for (const watchOptions of [{ cwd: "." }, { ignored: /a/ }, { ignored: () => true }]) {
    expect(() => fs({ base: "unused", watchOptions })).toThrow(/watchOptions|cwd/);
  }
});

test("a watcher follows no link to a folder", async () => {
  const base = folder();
  const outside = folder();
  symlinkSync(outside, join(base, "link"));
  const driver = fs({ base });
  const heard = vi.fn();
  const unwatch = await driver.watch(heard);
  writeFileSync(join(outside, "a"), "1");
  writeFileSync(join(base, "b"), "1");
  await vi.waitFor(() => expect(heard.mock.calls).toEqual([["update", "b"]]));
  await unwatch();
});

test("a watcher keeps no process alive", async () => {
  // It rejects unless the process ends by itself.
  expect(await run("ends", "watcher", folder())).toBe(undefined);
});
