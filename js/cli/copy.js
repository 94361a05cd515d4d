/** Copies items from one driver to another. What is there already and the same is passed over: so a copy that broke off goes on. */

import { each } from "./each.js";
import { Room } from "./room.js";

/** Values of so many bytes are in memory at once, where the source tells their sizes before they are read. */
const MOST_BYTES = 2 ** 26;

/** After so many errors it gives up: they are not the items' own. */
const MOST_ERRORS = 100;

/**
 * Gives `{ items, bytes, copied, same, gone, failed, errors }`: what the source has, how many were written, were there before, went away
 * meanwhile, the keys that are not in the target as they are in the source, and what was said of them.
 */
export async function copy(from, to, { base, dryRun = false, progress }) {
  const keys = await from.keys(base);
  const there = new Set(await to.keys(base));
  const result = {
    items: keys.length,
    bytes: 0,
    copied: 0,
    same: 0,
    gone: 0,
    errors: [],
  };
  const failed = new Set();
  progress?.begin(keys.length);
  const gone = new Set();
  const room = new Room(MOST_BYTES);
  let [done, errors] = [0, 0];

  const copyOne = async (key) => {
    // First: what expires in between would be without an end.
    const asked = Date.now();
    const { life, size } = await from.facts(key);
    const end = life === undefined ? undefined : asked + life * 1000;
    await room.hold(size ?? 0, () => copyItem(key, end));
  };
  const copyItem = async (key, end) => {
    // What has no time left is as good as gone, and 0 would be no end to the target.
    const bytes = end <= Date.now() ? null : await from.read(key);
    if (bytes === null) {
      gone.add(key);
      result.gone++;
      return;
    }
    result.bytes += bytes.length;
    if (await from.hasTextBeside(key, bytes)) {
      failed.add(key);
      result.errors.push(`${key} has a text and a raw value, of which a copy would keep one`);
      return;
    }
    const isThere = there.has(key) && (await to.read(key))?.equals(bytes);
    if (isThere && (await to.endsLike(key, end))) {
      result.same++;
      return;
    }
    const ttl = end === undefined ? undefined : Math.max(end - Date.now(), 1) / 1000;
    if (!dryRun) await to.write(key, bytes, ttl);
    result.copied++;
    if (dryRun) return;
    const written = await to.read(key);
    // It may have expired in between.
    if (written === null ? (await from.read(key)) !== null : !written.equals(bytes)) {
      failed.add(key);
    }
  };

  try {
    await each(keys, async (key) => {
      try {
        await copyOne(key);
      } catch (error) {
        failed.add(key);
        result.errors.push(error.message);
        if (++errors >= MOST_ERRORS) throw error;
      }
      progress?.advance(++done, result.bytes);
    });
    if (!dryRun) {
      const due = keys.filter((key) => !gone.has(key) && !failed.has(key));
      for (const key of await missing(from, to, base, due)) failed.add(key);
    }
  } finally {
    progress?.end();
  }
  return { ...result, failed: [...failed] };
}

/** Those of the keys that the source still has, and the target's list has not. */
async function missing(from, to, base, keys) {
  const there = new Set(await to.keys(base));
  const found = [];
  for (const key of keys) {
    if (!there.has(key) && (await from.read(key)) !== null) found.push(key);
  }
  return found;
}
