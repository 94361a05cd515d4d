/**
 * Batches that no native driver answers alone: each JavaScript driver with a method for batches gets one call of it, and every other
 * item a call of its own.
 */
import { cellContent, toCell } from "./cells.js";
import { invalidKey, refusedValue } from "./errors.js";
import { invalidLife, lifeOf, toBytesOrText } from "./native-write.js";
import { INVALID, NEEDS_VALUE, SCRIPT, native } from "./native.js";
import { call, isWritable, readBatch } from "./script-driver.js";
import { isRawType } from "./serialize.js";

/** `getItem` reads one item. */
export async function readEach(table, mounts, items, commonOptions, getItem) {
  const entries = items.map((item) => {
    const { key, options } = typeof item === "string" ? { key: item } : (item ?? {});
    const route = native.route(table, key);
    if (route === INVALID) throw invalidKey(key, "getItems");
    const merged = options ? { ...commonOptions, ...options } : commonOptions;
    const batch = route === SCRIPT ? mounts.scripted(key) : undefined;
    const batched = batch?.mount.driver.getItems && !isRawType(merged?.type);
    return {
      key: native.normalize(key),
      options: merged,
      mount: batched ? batch.mount : undefined,
      relative: batched ? batch.key : undefined,
    };
  });
  const batches = Map.groupBy
    ? Map.groupBy(entries, (entry) => entry.mount)
    : groupByMount(entries);
  const found = new Map();
  const extra = [];
  await Promise.all(
    [...batches].map(async ([mount, batch]) => {
      if (mount === undefined) {
        const values = await Promise.all(batch.map(({ key, options }) => getItem(key, options)));
        batch.forEach((entry, index) => found.set(entry, values[index]));
      } else {
        await readBatch(mount, batch, commonOptions, found, extra);
      }
    }),
  );
  const results = entries
    .filter((entry) => found.has(entry))
    .map((entry) => ({ key: entry.key, value: found.get(entry) }));
  return results.concat(extra);
}

/** `writeCell` writes one item, and reports it; `changed` hears of those that went to a driver together. */
export async function writeEach(mounts, items, commonOptions, writeCell, changed) {
  const batches = new Map();
  // Every key, then every value is read and accepted before the first is written.
  const routes = items.map((item) => {
    const key = item?.key;
    const route = mounts.checked(key);
    if (route === INVALID) throw invalidKey(key, "setItems");
    const { mount, key: relative } = mounts.scripted(key);
    return { route, mount, relative, full: native.normalize(key) };
  });
  const entries = items.map(({ value, options }, index) => {
    const { route, mount, relative, full } = routes[index];
    const script = route === SCRIPT;
    const entry = {
      key: full,
      cell: isWritable(script, mount) ? cellOf(value, full) : undefined,
      options: options ? { ...commonOptions, ...options } : commonOptions,
    };
    if (!script && lifeOf(entry.options) === undefined) {
      throw invalidLife(mount.driver.name, "setItems", full);
    }
    if (route === NEEDS_VALUE) {
      toBytesOrText(cellContent(entry.cell), mount.owner, "setItems", full);
    }
    if (script && mount.driver.setItems) {
      if (!batches.has(mount)) batches.set(mount, []);
      batches.get(mount).push({ ...entry, key: relative, full });
      return undefined;
    }
    return entry;
  });
  const writes = entries.filter((entry) => entry !== undefined);
  await Promise.all([
    ...writes.map(({ key, cell, options }) => writeCell(key, cell, options)),
    ...[...batches].map(async ([mount, batch]) => {
      const sent = batch.map(({ key, cell, options }) => ({
        key,
        value: cellContent(cell),
        options,
      }));
      await call(mount, "setItems", sent, commonOptions);
      for (const { full } of batch) changed("update", full, mount.driver);
    }),
  ]);
}

/** As `toCell`; its error says which item it was. */
function cellOf(value, key) {
  try {
    return toCell(value);
  } catch (error) {
    throw refusedValue(error, "setItems", key);
  }
}

function groupByMount(entries) {
  const groups = new Map();
  for (const entry of entries) {
    const group = groups.get(entry.mount);
    if (group) group.push(entry);
    else groups.set(entry.mount, [entry]);
  }
  return groups;
}
