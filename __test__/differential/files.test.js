/**
 * Random sequences of calls on fs and fs-lite, made to ours and to both versions of unstorage alike: how each call ends, and
 * after each what every file holds.
 *
 * SEQUENCES says how many (a tenth of it for each version, of 2,000), SEED which. Items and folders have names of their own
 * here, as unstorage cannot keep both under one; the rows of docs/compatibility.md about fs have tests of theirs.
 */
import fc from "fast-check";
import * as ours from "rustorage";
import oursFs from "rustorage/drivers/fs";
import oursFsLite from "rustorage/drivers/fs-lite";
import * as theirs1 from "unstorage-v1";
import theirsFs1 from "unstorage-v1/drivers/fs";
import theirsFsLite1 from "unstorage-v1/drivers/fs-lite";
import * as theirs2 from "unstorage";
import theirsFs2 from "unstorage/drivers/fs";
import theirsFsLite2 from "unstorage/drivers/fs-lite";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { expect, test, vi } from "vitest";

const OURS = { ...ours, fs: oursFs, fsLite: oursFsLite };
const THEIRS = {
  1.17: { ...theirs1, fs: theirsFs1, fsLite: theirsFsLite1 },
  2: { ...theirs2, fs: theirsFs2, fsLite: theirsFsLite2 },
};

const sequences = Math.ceil(Number(process.env.SEQUENCES ?? 2000) / 10);
const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);

const MOUNTS = ["", "m:", "m:deep:"];

const folders = fc.array(fc.constantFrom("a", "b", "dots.d"), { maxLength: 2 });
const leaf = fc.constantFrom("x", "y", "z.json", "é", ".hidden", "with space", "x$", "_");
const key = fc
  .tuple(fc.constantFrom(...MOUNTS), folders, leaf, fc.constantFrom(":", "/", "::"))
  .map(([mount, path, name, separator]) => mount + [...path, name].join(separator));
const base = fc
  .tuple(fc.constantFrom(...MOUNTS), folders)
  .map(([mount, path]) => mount + path.join(":"));

const value = fc.constantFrom(
  ...["text", "", "123", "true", "{broken", "x".repeat(5000), "lone \ud800", "ключ"],
  ...[0, -1.5, true, null, undefined, { a: [1, { b: "c" }] }, [], new Map([[1, 2]]), 12n],
);
const raw = fc.constantFrom(
  Buffer.from([0, 255, 10]),
  Buffer.alloc(0),
  new Uint8Array([9, 8, 7, 6]).subarray(1, 3),
  "text",
  undefined,
);

/** Each key once: unstorage mixes the values of two writes at once. */
const given = fc.uniqueArray(fc.record({ key, value: fc.constantFrom("text", 1, { a: 1 }) }), {
  maxLength: 5,
  selector: (item) => ours.normalizeKey(item.key),
});

const call = (weight, methods, ...args) => ({
  weight,
  arbitrary: fc.record({ method: fc.constantFrom(...methods), args: fc.tuple(...args) }),
});

const operation = fc.oneof(
  call(10, ["setItem", "set"], key, value),
  call(5, ["setItemRaw"], key, raw),
  call(8, ["getItem", "get"], key),
  call(4, ["getItemRaw"], key),
  call(4, ["hasItem", "has"], key),
  call(5, ["removeItem", "del"], key, fc.constantFrom({}, { removeMeta: true })),
  call(
    3,
    ["getItems"],
    fc.array(
      fc.oneof(
        key,
        key.map((name) => ({ key: name })),
      ),
      { maxLength: 5 },
    ),
  ),
  call(3, ["setItems"], given),
  call(2, ["getMeta"], key),
  call(2, ["setMeta"], key, fc.constantFrom({ mtime: new Date(0), a: 1 }, { b: "c" })),
  call(1, ["removeMeta"], key),
  call(
    4,
    ["getKeys", "keys"],
    base,
    fc.constantFrom({}, { maxDepth: 0 }, { maxDepth: 1 }, { maxDepth: 3 }),
  ),
  call(1, ["clear"], fc.constantFrom("", "m", "m:deep")),
);

const sequence = fc.record({
  atomic: fc.constantFrom(undefined, true, false),
  operations: fc.array(operation, { minLength: 1, maxLength: 40 }),
});

class World {
  constructor(parts, folder, atomic) {
    this.isOurs = parts === OURS;
    this.folder = folder;
    mkdirSync(folder);
    const open = (driver, name) => driver({ base: join(folder, name), atomic });
    this.storage = parts
      .createStorage({ driver: open(parts.fs, "root") })
      .mount("m", open(parts.fsLite, "lite"))
      .mount("m:deep", open(parts.fs, "deep"));
  }

  async run({ method, args }) {
    try {
      const value = await this.storage[method](...args);
      return { value: this.#mended(method, args, known(method, value)) };
    } catch ({ message }) {
      // Only unstorage's own messages are promised.
      return { failed: message.startsWith("[unstorage]") ? message : true };
    }
  }

  /** The row "maxDepth counts in the full key": unstorage counts within the mount. */
  #mended(method, [, options], value) {
    if (this.isOurs || !["getKeys", "keys"].includes(method)) return value;
    return value.filter((name) => ours.filterKeyByDepth(name, options.maxDepth));
  }

  files() {
    const entries = readdirSync(this.folder, { recursive: true, withFileTypes: true });
    const files = entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath ?? entry.path, entry.name));
    return Object.fromEntries(
      files.sort().map((path) => [path.slice(this.folder.length), readFileSync(path, "latin1")]),
    );
  }
}

/** What can be compared: lists have no order, times are the system's. */
function known(method, value) {
  if (["getKeys", "keys"].includes(method)) return [...value].sort();
  if (method === "getItems") {
    return [...value].sort((one, other) => (JSON.stringify(one) < JSON.stringify(other) ? -1 : 1));
  }
  if (method !== "getMeta") return value;
  return Object.fromEntries(
    Object.entries(value).map(([field, of]) => [
      field,
      of instanceof Date && of.getTime() > 1e12 ? "now" : of,
    ]),
  );
}

test.each(Object.keys(THEIRS))(
  "files are as unstorage %s would leave them",
  { timeout: sequences * 500 + 60_000 },
  async (version) => {
    vi.spyOn(console, "warn").mockImplementation(() => {});
    const root = mkdtempSync(join(tmpdir(), "rustorage-"));
    let count = 0;
    const compared = fc.asyncProperty(sequence, async ({ atomic, operations }) => {
      const place = join(root, String(count++));
      mkdirSync(place);
      const expected = new World(THEIRS[version], join(place, "theirs"), atomic);
      const actual = new World(OURS, join(place, "ours"), atomic);
      for (const each of operations) {
        const wanted = await expected.run(each);
        compare(each, "outcome", await actual.run(each), wanted);
        compare(each, "files", actual.files(), expected.files());
      }
      rmSync(place, { recursive: true });
    });
    try {
      await fc.assert(compared, { numRuns: sequences, seed, endOnFailure: false });
    } finally {
      console.log(`SEED=${seed} SEQUENCES=${sequences * 10}: ${version}`);
      rmSync(root, { recursive: true, force: true });
    }
    expect(count).toBeGreaterThanOrEqual(sequences);
  },
);

function compare(operation, what, actual, wanted) {
  if (isDeepStrictEqual(actual, wanted)) return;
  throw new Error(
    `${fc.stringify(operation)}: ${what}\n  ours:      ${fc.stringify(actual)}\n  unstorage: ${fc.stringify(wanted)}`,
  );
}
