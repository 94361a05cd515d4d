/**
 * Random sequences of calls, made to unstorage and to ours alike: how each call ends, what watchers hear, and at the end
 * what every driver holds.
 *
 * SEQUENCES says how many (2,000), SEED which; the seed of a run is printed.
 */
import fc from "fast-check";
import * as ours from "rustorage";
import oursLruCache from "rustorage/drivers/lru-cache";
import oursMemory from "rustorage/drivers/memory";
import oursNull from "rustorage/drivers/null";
import oursOverlay from "rustorage/drivers/overlay";
import * as theirs from "unstorage";
import theirsLruCache from "unstorage/drivers/lru-cache";
import theirsMemory from "unstorage/drivers/memory";
import theirsNull from "unstorage/drivers/null";
import theirsOverlay from "unstorage/drivers/overlay";
import { isDeepStrictEqual } from "node:util";
import { expect, test, vi } from "vitest";
import { native } from "../../js/native.js";
import { deviations, keepingTtl, ttlHits } from "./deviations.js";
import { sequence } from "./sequences.js";
import { World } from "./world.js";

let clock = 0;

/** `pass` lets milliseconds go by. */
const OURS = {
  ...ours,
  pass: (milliseconds) => native.setClock((clock += milliseconds)),
  lruCache: oursLruCache,
  memory: oursMemory,
  nullDriver: oursNull,
  overlay: oursOverlay,
};
const THEIRS = {
  ...theirs,
  pass: (milliseconds) => void vi.advanceTimersByTime(milliseconds),
  lruCache: (options) => keepingTtl(theirsLruCache(options)),
  memory: theirsMemory,
  nullDriver: theirsNull,
  overlay: theirsOverlay,
};

const sequences = Number(process.env.SEQUENCES ?? 2000);
const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);

test("behaves like unstorage", { timeout: sequences * 300 + 60_000 }, async () => {
  // destr tells of each `__proto__` that it drops.
  vi.spyOn(console, "warn").mockImplementation(() => {});
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  native.setClock(clock);
  const hits = new Map(deviations.map(({ name }) => [name, 0]));
  let calls = 0;
  const compared = fc.asyncProperty(sequence, async ({ mounts, operations }) => {
    const expected = new World(THEIRS, mounts);
    const actual = new World(OURS, mounts);
    /** The raw values that were stored: they come back as the same values where they do so in unstorage. */
    const given = new Set();
    for (const operation of operations.filter(Boolean)) {
      calls++;
      const wanted = await expectedOutcome(operation, expected, hits);
      const got = await actual.run(operation);
      compareOutcomes(operation, got, wanted, expected);
      if (operation.method === "setItemRaw") given.add(operation.args[1]);
      if (given.has(wanted.value)) expect(got.value).toBe(wanted.value);
      compare(operation, "events", actual.takeEvents(), expected.takeEvents());
    }
    compare(undefined, "contents", await actual.contents(), await expected.contents());
  });
  try {
    await fc.assert(compared, { numRuns: sequences, seed, endOnFailure: false });
  } finally {
    vi.useRealTimers();
    native.setClock(-1);
    hits.set("ttl holds in lru-cache", ttlHits());
    const lines = [...hits].map(([name, count]) => `  ${count} × ${name}`);
    console.log(
      [`SEED=${seed} SEQUENCES=${sequences}: ${calls} calls, deviations:`, ...lines].join("\n"),
    );
  }
  expect([...hits].filter(([, count]) => count === 0)).toEqual([]);
});

/** What unstorage does, mended by the deviations that apply. */
async function expectedOutcome(operation, world, hits) {
  const applying = [];
  for (const deviation of deviations) {
    if (await deviation.applies(operation, world)) applying.push(deviation);
  }
  for (const { name } of applying) hits.set(name, hits.get(name) + 1);
  const run = applying.reduce(
    (inner, { around }) =>
      () =>
        around(operation, world, inner),
    () => world.run(operation),
  );
  return run();
}

function compareOutcomes(operation, actual, wanted, { storage }) {
  if (["threw", "rejected"].includes(wanted.ended)) {
    // Only unstorage's own messages are promised.
    const promised = /^(\[unstorage\]|already mounted) /.test(wanted.value?.message);
    const told = ({ ended, value }) => ({ ended, message: promised && value?.message });
    compare(operation, "outcome", told(actual), told(wanted));
    return;
  }
  const anyOrder = ["getKeys", "keys"].includes(operation.method) && storage.getMounts().length > 1;
  const settled = ({ ended, value }) => ({ ended, value: anyOrder ? value.toSorted() : value });
  compare(operation, "outcome", settled(actual), settled(wanted));
}

function compare(operation, what, actual, wanted) {
  if (isDeepStrictEqual(actual, wanted)) return;
  const call = operation ? `${fc.stringify(operation)}: ` : "";
  throw new Error(
    `${call}${what}\n  ours:      ${fc.stringify(actual)}\n  unstorage: ${fc.stringify(wanted)}`,
  );
}
