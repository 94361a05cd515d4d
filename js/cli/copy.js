/** Copies items from one driver to another. What is there already and the same is passed over: so a copy that broke off goes on. */

/** How many items are under way at once. */
const AT_ONCE = 64;

/**
 * Gives `{ items, bytes, copied, same, gone, failed }`: what the source has, how many were written, were there before, went away meanwhile,
 * and the keys that are not in the target as they are in the source.
 */
export async function copy(from, to, { base, dryRun = false, progress }) {
  const keys = await from.keys(base);
  const there = new Set(await to.keys(base).catch((error) => noneYet(error, dryRun)));
  const result = { items: keys.length, bytes: 0, copied: 0, same: 0, gone: 0, failed: [] };
  progress?.begin(keys.length);

  const copyOne = async (key) => {
    const bytes = await from.read(key);
    if (bytes === null) {
      result.gone++;
      return;
    }
    result.bytes += bytes.length;
    if (there.has(key) && (await to.read(key))?.equals(bytes)) {
      result.same++;
      return;
    }
    result.copied++;
    if (dryRun) return;
    const life = await from.life(key);
    if (life === undefined && !(await from.storage.hasItem(key))) {
      // It expired in between: without its end it would stay for ever.
      result.copied--;
      result.gone++;
      return;
    }
    await to.write(key, bytes, life);
    const written = await to.read(key);
    // It may have expired in between.
    if (written === null ? (await from.read(key)) !== null : !written.equals(bytes)) {
      result.failed.push(key);
    }
  };

  let next = 0;
  const work = async () => {
    while (next < keys.length) {
      await copyOne(keys[next++]);
      progress?.advance(result.copied + result.same + result.gone, result.bytes);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  if (!dryRun) await check(from, to, { base, keys, result });
  progress?.end();
  return result;
}

/** What is not to be written to is not made either. */
function noneYet(error, dryRun) {
  if (dryRun && error.code === "ENOENT") return [];
  throw error;
}

/** That the target's list has every key which the source still has. */
async function check(from, to, { base, keys, result }) {
  const there = new Set(await to.keys(base));
  for (const key of keys) {
    if (!there.has(key) && !result.failed.includes(key) && (await from.read(key)) !== null) {
      result.failed.push(key);
    }
  }
}
