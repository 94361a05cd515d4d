/** Processes that are killed in the middle of writes, CRASHES times for each mode (10; 200 in `make test-all`). */
import { createStorage } from "rustorage";
import fs from "rustorage/drivers/fs";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test, vi } from "vitest";
import { folder } from "../../folder.js";

const CRASHES = Number(process.env.CRASHES ?? 10);
const LENGTH = 80_000;
const KEYS = ["item", "dir:a", "dir:b", "both", "both:below", "both:below:deeper"];

/** Lets a process write, and kills it some time after its first round; gives the last round that it called done. */
async function crash(name, settings, delay, meanwhile) {
  const program = fileURLToPath(new URL(`programs/${name}.js`, import.meta.url));
  const child = spawn(process.execPath, [program, JSON.stringify(settings)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text) => (output += text));
  await once(child.stdout, "data");
  setTimeout(() => child.kill("SIGKILL"), delay);
  const closed = once(child, "close");
  await meanwhile?.();
  const [, signal] = await closed;
  expect(signal).toBe("SIGKILL");
  return Number(output.trim().split("\n").at(-1));
}

/** As `crash`, of a process that writes large values from the round `first` on. */
const crashWriting = (base, options, first, delay) =>
  crash("crash", { base, options, keys: KEYS, first, length: LENGTH }, delay);

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
      const done = await crashWriting(base, options, next, (round * 7) % 40);
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
      const done = await crashWriting(base, { atomic: false }, next, (round * 7) % 40);
      const storage = createStorage({ driver: fs({ base }) });
      for (const key of KEYS) expect(String(await storage.getItemRaw(key))).toMatch(/^(\d{8})+$/);
      next = done + 1;
    }
    expect(readdirSync(base, { recursive: true }).join()).not.toContain("rustorage-write-");
  },
);

test.each([{}, { durable: true }, { atomic: false }])(
  "a process that is killed while it sweeps and clears costs no value, its own or another's: %j",
  { timeout: 30_000 + CRASHES * 3000 },
  async (options) => {
    const base = folder();
    const storage = createStorage({ driver: fs({ base, ...options }) });
    const shared = Array.from({ length: 100 }, (_, index) => `shared:${index}`);
    let next = 1;
    for (let round = 0; round < CRASHES; round++) {
      const settings = { base, options, shared, first: next };
      const done = await crash("expiring", settings, (round * 7) % 40, () =>
        Promise.all(shared.map((key) => storage.setItem(key, round))),
      );
      const items = await storage.getItems(shared);
      expect(items.map(({ value }) => value)).toEqual(shared.map(() => round));
      next = done + 1;
      // In place a value is written in steps.
      if (options.atomic === false) continue;
      const turns = await storage.getItem("turns");
      // In the moment between its two writes it has expired.
      if (turns !== null) expect([done, done + 1]).toContain(turns);
      for (const key of ["cleared", "cleared:a"]) {
        expect([null, done + 1]).toContain(await storage.getItem(key));
      }
      // Another process sees an expiry within a second.
      await vi.waitFor(async () => {
        for (const key of ["brief", "brief:a"]) expect(await storage.hasItem(key)).toBe(false);
      }, 10_000);
      const keys = (await storage.getKeys()).filter((key) => !/^(turns|cleared)/.test(key));
      expect(keys.sort()).toEqual([...shared].sort());
    }
  },
);
