/**
 * Batches that native drivers answer alone: in-memory drivers, one driver behind a network, or for reads one that keeps files. The
 * keys cross as one string. Each function gives `undefined` for any other batch, and has done nothing then.
 */
import { cellContent, fromCell, toCell } from "./cells.js";
import { storageError } from "./errors.js";
import { lifeOf } from "./native-write.js";
import {
  DONE,
  INVALID,
  NORMAL,
  PENDING,
  native,
  pending,
  registers,
  settle,
  settleWrite,
  slots,
} from "./native.js";
import { requestOf } from "./request-options.js";
import { toItem } from "./serialize.js";

/** The items of a batch, which unstorage takes from whatever has a list of them. */
export function itemsOf(given, operation) {
  if (Array.isArray(given)) return given;
  if (typeof given?.[Symbol.iterator] === "function") return [...given];
  const kind = given === null ? "null" : typeof given;
  const cause = `the items are an array, not ${kind}`;
  throw storageError("INVALID_VALUE", "none", operation, undefined, cause);
}

export function readTogether(table, items, options) {
  if (isSpecial(options)) return undefined;
  const keys = [];
  for (const item of items) {
    if (typeof item === "string") keys.push(item);
    else if (isSpecial(item?.options)) return undefined;
    else keys.push(item?.key);
  }
  const codes = send(native.getMany, table, keys) ?? send(native.submitGetMany, table, keys);
  if (codes === undefined) return undefined;
  if (codes === PENDING) {
    const normal = registers[NORMAL] === 1;
    return pending((texts) =>
      texts.map((text, index) => ({
        key: normal ? keys[index] : native.normalize(keys[index]),
        value: toItem(text),
      })),
    );
  }
  const normal = codes[keys.length] === 1;
  const results = keys.map((key, index) => ({
    key: normal ? key : native.normalize(key),
    value: codes[index] < 0 ? null : fromCell(slots[codes[index]]),
  }));
  settle();
  return results;
}

/** Whether what is asked of an item is not the same for all. */
function isSpecial(options) {
  return options?.type !== undefined || requestOf(options) !== undefined;
}

/** Answers with the items that each need a write of their own, or a promise of them; `written` hears of the keys of all others. */
export function writeTogether(table, items, options, written) {
  const life = lifeOf(options);
  if (life === undefined || requestOf(options) !== undefined) return undefined;
  const keys = [];
  const cells = [];
  try {
    // A driver in JavaScript may not be asked for what is read twice.
    if (items.length === 0 || native.route(table, items[0].key) !== DONE) return undefined;
    for (const item of items) {
      if (item.options?.ttl !== undefined || requestOf(item.options) !== undefined)
        return undefined;
      keys.push(item.key);
      cells.push(toCell(item.value));
    }
  } catch {
    return undefined;
  }
  if (cells.includes(undefined)) return undefined;
  const codes =
    send(native.setMany, table, keys, life) ??
    send(native.submitSetMany, table, keys, cells.map(cellContent), life);
  if (codes === undefined) return undefined;
  if (codes === PENDING) {
    return pending(() => {
      if (written) keys.forEach(written);
      return [];
    });
  }
  const single = [];
  for (let index = 0; index < cells.length; index++) {
    if (codes[index] >= 0) slots[codes[index]] = cells[index];
    else single.push({ key: keys[index], cell: cells[index] });
  }
  settleWrite();
  if (written) keys.forEach((key, index) => codes[index] >= 0 && written(key));
  return single;
}

/** What the call answers: of an in-memory driver the codes for the keys, and at their end whether all were normal. */
function send(call, table, keys, ...more) {
  if (keys.length === 0 || !keys.every((key) => typeof key === "string")) return undefined;
  // The addon counts them, as a key that holds a line feed reads as two.
  const codes = call(table, keys.join("\n"), keys.length, ...more);
  return codes === INVALID ? undefined : codes;
}
