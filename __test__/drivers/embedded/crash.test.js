/** Processes that are killed in the middle of writes, CRASHES times for each level (10; 200 in `make test-all`). */
import { createStorage } from "rustorage";
import { join } from "node:path";
import { expect, test } from "vitest";
import { LEVELS, open } from "./drivers.js";
import { start } from "./processes.js";
import { folder } from "../../folder.js";

const CRASHES = Number(process.env.CRASHES ?? 10);
const LENGTH = 80_000;
const KEYS = ["item", "dir:a", "dir:b", "dir:b:c"];

// What the levels differ in is what the end of the system can lose: the end of a process loses nothing in any of them.
test.each(LEVELS)(
  "%s with sync %s: what was answered is there, whole, and batches are whole",
  { timeout: 30_000 + CRASHES * 3000 },
  async (name, sync) => {
    const path = join(folder(), "items");
    let next = 1;
    for (let round = 0; round < CRASHES; round++) {
      const settings = { name, path, options: { sync }, keys: KEYS, first: next, length: LENGTH };
      const { child, ended } = await start("crash", settings);
      setTimeout(() => child.kill("SIGKILL"), (round * 7) % 40);
      const { signal, lines } = await ended;
      expect(signal).toBe("SIGKILL");
      const done = Number(lines.at(-1));
      const driver = open(name, path, { sync });
      const storage = createStorage({ driver });
      for (const key of KEYS) {
        const value = String(await storage.getItemRaw(key));
        expect(value).toHaveLength(LENGTH);
        const number = value.slice(0, 8);
        expect(value).toBe(number.repeat(LENGTH / 8));
        expect([done, done + 1]).toContain(Number(number));
      }
      const batch = await storage.getItems(KEYS.map((key) => `batch:${key}`));
      const numbers = new Set(batch.map(({ value }) => value));
      expect(numbers.size).toBe(1);
      expect([done, done + 1]).toContain([...numbers][0]);
      const keys = (await storage.getKeys()).filter((key) => key !== "brief");
      expect(keys.sort()).toEqual([...KEYS, ...KEYS.map((key) => `batch:${key}`)].sort());
      next = done + 1;
      await driver.dispose();
    }
  },
);
