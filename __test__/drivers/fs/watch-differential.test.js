/** The same operations under unstorage's watcher and ours: what either tells, as a set, once all is quiet. */
import fc from "fast-check";
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import unstorageFs from "unstorage/drivers/fs";
import { expect, test, vi } from "vitest";
import { folder } from "../../folder.js";
import { silence, watched, write } from "./watched.js";

const name = fc.constantFrom("a", "b", "c.txt", "d/a", "d/b", "d/e/a", "f/a");
const dir = fc.constantFrom("d", "d/e", "f", "g", "g/h");
const operation = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("write"), name }) },
  fc.record({ do: fc.constant("replace"), name }),
  fc.record({ do: fc.constant("remove"), name }),
  fc.record({ do: fc.constant("mkdir"), name: dir }),
  fc.record({ do: fc.constant("rmdir"), name: dir }),
  fc.record({ do: fc.constant("move in"), name: dir }),
  fc.record({ do: fc.constant("move out"), name: dir }),
  fc.record({ do: fc.constant("rename"), name, to: name }),
);
let count = 0;

function perform({ do: what, name: path, to }, base, outside) {
  const target = join(base, path);
  const spare = join(outside, String(count++));
  try {
    if (what === "write") write(base, path, `content ${count}`);
    if (what === "replace") {
      write(outside, "new", `content ${count}`);
      renameSync(join(outside, "new"), target);
    }
    if (what === "remove") rmSync(target);
    if (what === "mkdir") mkdirSync(target, { recursive: true });
    if (what === "rmdir") rmSync(target, { recursive: true });
    if (what === "move out") renameSync(target, spare);
    if (what === "rename") renameSync(target, join(base, to));
    if (what === "move in" && !existsSync(target)) {
      write(spare, "x", `content ${count}`);
      write(spare, "y/z");
      renameSync(spare, target);
    }
  } catch (error) {
    if (!["ENOENT", "EISDIR", "ENOTDIR", "ENOTEMPTY"].includes(error.code)) throw error;
  }
}

test("random operations tell the same", { timeout: 180_000 }, async () => {
  const operations = fc.sample(operation, {
    numRuns: Number(process.env.OPERATIONS ?? 30),
    seed: 7,
  });
  const bases = [folder(), folder()];
  const outsides = [folder(), folder()];
  const sides = [
    await watched({}, { base: bases[0] }),
    await watched({}, { base: bases[1], driver: unstorageFs }),
  ];
  for (const step of operations) {
    const start = count;
    for (const side of [0, 1]) {
      count = start;
      perform(step, bases[side], outsides[side]);
    }
    await Promise.all(sides.map(({ events }) => silence(events, 0)));
    const [ours, theirs] = sides.map(({ events }) => events);
    const told = (events) => [...new Set(events)].sort();
    await vi.waitFor(
      () => expect({ step, events: told(ours) }).toEqual({ step, events: told(theirs) }),
      { timeout: 10_000 },
    );
    for (const events of [ours, theirs]) events.length = 0;
  }
});
