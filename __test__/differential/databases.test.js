/**
 * Random sequences of calls on lmdb and sqlite, and on memory alike: how each call ends, though several are made at once, and what is there
 * in the end, when the files were closed and opened again.
 *
 * SEQUENCES says how many (a tenth of it for each driver, of 2,000), SEED which.
 */
import fc from "fast-check";
import { createStorage } from "rustorage";
import memory from "rustorage/drivers/memory";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { expect, test } from "vitest";
import { FACTORIES } from "../drivers/embedded/programs/factories.js";

const sequences = Math.ceil(Number(process.env.SEQUENCES ?? 2000) / 10);
const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);

const part = fc.constantFrom("a", "b", "A", "é", "a%", "_", "𝄞", "x$", "x".repeat(600));
const key = fc
  .tuple(fc.constantFrom("", "m:"), fc.array(part, { minLength: 1, maxLength: 3 }))
  .map(([mount, parts]) => mount + parts.join(":"));
const base = fc
  .tuple(fc.constantFrom("", "m:"), fc.array(part, { maxLength: 2 }))
  .map(([mount, parts]) => mount + parts.join(":"));
const value = fc.constantFrom(
  ...["text", "", "123", "{broken", "x".repeat(20_000), "NUL \0", "ключ"],
  ...[0, -1.5, true, null, { a: [1, { b: "c" }] }, []],
);
const raw = fc.constantFrom(
  Buffer.from([0, 255, 10]),
  Buffer.alloc(0),
  Buffer.alloc(20_000, 7),
  new Uint8Array([9, 8, 7, 6]).subarray(1, 3),
);
/** What counts within a test is whether there is an end, and whether it is over. */
const life = fc.constantFrom({}, {}, { ttl: 1000 }, { ttl: -1 });

const call = (weight, method, ...args) => ({
  weight,
  arbitrary: fc.record({ method: fc.constant(method), args: fc.tuple(...args) }),
});

const operation = fc.oneof(
  call(10, "setItem", key, value, life),
  call(5, "setItemRaw", key, raw, life),
  call(10, "getItem", key),
  call(4, "getItemRaw", key),
  call(4, "hasItem", key),
  call(5, "removeItem", key),
  call(3, "getItems", fc.array(key, { maxLength: 5 })),
  call(3, "setItems", fc.array(fc.record({ key, value }), { maxLength: 5 }), life),
  call(1, "setMeta", key, fc.constant({ a: 1 })),
  call(3, "getKeys", base, fc.constantFrom({}, { maxDepth: 0 }, { maxDepth: 2 })),
  call(1, "clear", base),
);

/** Calls of one turn are made at once; between turns the files may be closed. */
const turn = fc.record({
  operations: fc.array(operation, { minLength: 1, maxLength: 8 }),
  dispose: fc.boolean(),
});

async function run(storage, { method, args }) {
  const result = await storage[method](...args);
  if (method === "getKeys") return result.sort();
  // memory gives what it was given.
  if (method === "getItemRaw" && result !== null) return Buffer.from(result).toString("hex");
  return result;
}

/** As text, where a raw value is bytes to one and a value to the other. */
function alike(result) {
  return ArrayBuffer.isView(result) ? Buffer.from(result).toString() : result;
}

async function contents(storage) {
  const keys = (await storage.getKeys()).sort();
  return Promise.all(keys.map(async (name) => [name, alike(await storage.getItem(name))]));
}

test.each(Object.keys(FACTORIES))(
  "%s behaves like memory",
  { timeout: sequences * 500 + 60_000 },
  async (name) => {
    const root = mkdtempSync(join(tmpdir(), "rustorage-"));
    let count = 0;
    const compared = fc.asyncProperty(
      fc.array(turn, { minLength: 1, maxLength: 8 }),
      async (turns) => {
        const place = join(root, String(count++));
        const drivers = ["root", "mount"].map((file) =>
          FACTORIES[name]({ path: join(place, file), sync: "none" }),
        );
        const actual = createStorage({ driver: drivers[0] }).mount("m", drivers[1]);
        const expected = createStorage({ driver: memory() }).mount("m", memory());
        for (const { operations, dispose } of turns) {
          const pairs = operations.map((each) => [each, run(actual, each), run(expected, each)]);
          for (const [each, got, wanted] of pairs) compare(each, await got, await wanted);
          if (dispose) await Promise.all(drivers.map((driver) => driver.dispose()));
        }
        compare("contents", await contents(actual), await contents(expected));
        await actual.dispose();
        rmSync(place, { recursive: true });
      },
    );
    try {
      await fc.assert(compared, { numRuns: sequences, seed, endOnFailure: false });
    } finally {
      console.log(`SEED=${seed} SEQUENCES=${sequences * 10}: ${name}`);
      rmSync(root, { recursive: true, force: true });
    }
    expect(count).toBeGreaterThanOrEqual(sequences);
  },
);

function compare(operation, got, wanted) {
  const [actual, expected] = [got, wanted].map((result) =>
    Array.isArray(result) ? result.map((entry) => mended(entry)) : alike(result),
  );
  if (isDeepStrictEqual(actual, expected)) return;
  throw new Error(
    `${fc.stringify(operation)}\n  ours:   ${fc.stringify(actual)}\n  memory: ${fc.stringify(expected)}`,
  );
}

/** An item of getItems. */
function mended(entry) {
  return entry?.key === undefined ? entry : { ...entry, value: alike(entry.value) };
}
