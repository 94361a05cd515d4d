/** Processes that are killed in the middle of writes, CRASHES times for each mode (10; 200 in `make test-all`). */
import { createStorage } from "rustorage";
import fs from "rustorage/drivers/fs";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { folder } from "./folder.js";

const CRASHES = Number(process.env.CRASHES ?? 10);
const LENGTH = 80_000;
const KEYS = ["item", "dir:a", "dir:b", "both", "both:below", "both:below:deeper"];

/** Lets a process write from the round `first` on, and kills it; gives the last round that it called done. */
async function crash(base, options, first, delay) {
  const program = fileURLToPath(new URL("programs/crash.js", import.meta.url));
  const settings = JSON.stringify({ base, options, keys: KEYS, first, length: LENGTH });
  const child = spawn(process.execPath, [program, settings], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text) => (output += text));
  await once(child.stdout, "data");
  setTimeout(() => child.kill("SIGKILL"), delay);
  const [, signal] = await once(child, "close");
  expect(signal).toBe("SIGKILL");
  return Number(output.trim().split("\n").at(-1));
}

test.each([
  ["the default", {}],
  ["durable", { durable: true }],
])(
  "%s gives the last value or the one that was being written",
  { timeout: 30_000 + CRASHES * 3000 },
  async (_, options) => {
    const base = folder();
    let next = 1;
    for (let round = 0; round < CRASHES; round++) {
      const done = await crash(base, options, next, (round * 7) % 40);
      const storage = createStorage({ driver: fs({ base }) });
      for (const key of KEYS) {
        const value = String(await storage.getItemRaw(key));
        expect(value).toHaveLength(LENGTH);
        const number = value.slice(0, 8);
        expect(value).toBe(number.repeat(LENGTH / 8));
        expect(Number(number)).toBeGreaterThanOrEqual(done);
        expect(Number(number)).toBeLessThanOrEqual(done + 1);
      }
      expect((await storage.getKeys()).sort()).toEqual([...KEYS].sort());
      next = done + 1;
    }
    // Nothing unfinished stays for ever: here it gets old at once.
    const unfinished = () =>
      readdirSync(base, { recursive: true }).filter((name) => name.includes("rustorage-write-"));
    for (const name of unfinished()) utimesSync(join(base, name), new Date(0), new Date(0));
    await createStorage({ driver: fs({ base }) }).getKeys();
    expect(unfinished()).toEqual([]);
  },
);

test(
  "in place, a crash costs no other value and leaves nothing unfinished",
  { timeout: 30_000 + CRASHES * 3000 },
  async () => {
    const base = folder();
    let next = 1;
    for (let round = 0; round < CRASHES; round++) {
      const done = await crash(base, { atomic: false }, next, (round * 7) % 40);
      const storage = createStorage({ driver: fs({ base }) });
      for (const key of KEYS) expect(String(await storage.getItemRaw(key))).toMatch(/^(\d{8})+$/);
      next = done + 1;
    }
    expect(readdirSync(base, { recursive: true }).join()).not.toContain("rustorage-write-");
  },
);
