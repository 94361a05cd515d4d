/** A process ends by itself, and what nobody holds is collected. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { run } from "./run.js";
import { folder } from "../folder.js";

test.each(["ttl", "watcher", "files"])("ends by itself after %s", async (what) => {
  await run("ends", what, folder());
});

test("ends after a write that nobody awaited, which is on disk then", async () => {
  const base = folder();
  await run("ends", "unawaited write", base);
  expect(readFileSync(join(base, "a"), "utf8")).toBe("written");
});

test("two copies of the package over one addon both answer", async () => {
  await run("copies", folder());
});

test("storages, drivers and expired items that nobody holds are collected", async () => {
  const { early, late, expiredIsCollected, heldBySlices } = await run("collected", folder());
  expect(late).toBeLessThan(early + 2_000_000);
  expect(expiredIsCollected).toBe(true);
  // All pages together have 100 MB.
  expect(heldBySlices).toBeLessThan(5_000_000);
});

test.runIf(process.platform === "linux")(
  "databases are closed that nobody holds or disposed of",
  async () => {
    expect(await run("collected-databases", folder())).toEqual({ values: [1, 1], opened: true });
  },
);

test("mounts of a config whose drivers nobody holds take no variables from others", async () => {
  await run("mount-names");
});
