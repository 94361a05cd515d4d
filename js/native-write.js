/** What is written to a native driver: an item's life and its bytes, and where they go. */
import { cellContent } from "./cells.js";
import { storageError } from "./errors.js";
import {
  NEEDS_SIZE,
  NEEDS_VALUE,
  TOO_LARGE,
  keepObserved,
  native,
  pending,
  slots,
} from "./native.js";
import { viewBytes } from "./serialize.js";

/**
 * An item's life in milliseconds, as the addon takes it: 0 for the driver's own option, Infinity for no limit; undefined where
 * `ttl` is no number.
 */
export function lifeOf(options) {
  const ttl = options?.ttl;
  if (ttl === undefined || ttl === null) return 0;
  return typeof ttl === "number" ? ttl * 1000 || Infinity : undefined;
}

/** The error of a life that `lifeOf` does not know. */
export function invalidLife(driver, operation, key) {
  const cause = "the option `ttl` must be a number of seconds";
  return storageError("INVALID_OPTIONS", driver, operation, key, cause);
}

/**
 * Ends a write to a native driver that `native.set` answered with `code`: puts the cell where it belongs, or throws. Gives a
 * promise where it goes to another thread. `write` has the `table`, the `key` there and `relative` to the driver, the `cell`,
 * its `life`, what it asks (`request`), the driver's `owner` and the `operation`.
 */
export function finishWrite(code, write) {
  const { table, key, life, request, cell, owner, operation } = write;
  if (code >= 0) slots[code] = cell;
  else if (code === NEEDS_SIZE) finishObserved(write);
  else if (code === NEEDS_VALUE) {
    const isRaw = operation === "setItemRaw";
    const content = cellContent(cell);
    const encoded = isRaw && owner.raw ? owner.raw.encode(content) : content;
    const sent = toBytesOrText(encoded, owner, operation, key);
    native.submitSet(table, key, sent, life, isRaw, request);
    return pending();
  } else if (code === TOO_LARGE) {
    throw storageError("TOO_LARGE", owner.name, operation, key, "the driver may hold nothing");
  }
  return undefined;
}

/** As `finishWrite`, where the size of the value counts, or its leaving is to be told. */
function finishObserved({ table, key, relative, life, cell, owner, operation }) {
  const { measure, dispose } = owner.observe;
  const size = measure(cellContent(cell), relative, operation);
  if (!Number.isInteger(size) || size < 0) {
    const cause = "sizeCalculation must give a whole number";
    throw storageError("INVALID_VALUE", owner.name, operation, key, cause);
  }
  const code = native.set(table, key, life, size);
  if (code === TOO_LARGE) {
    const cause = `${size} bytes are more than the driver may hold`;
    throw storageError("TOO_LARGE", owner.name, operation, key, cause);
  }
  if (code < 0) return;
  if (dispose) keepObserved(code, cell, owner.weak, relative);
  else slots[code] = cell;
}

/** What goes to a file or the like: text as it is, anything binary as its bytes. */
export function toBytesOrText(value, owner, operation, key) {
  if (typeof value === "string") return value;
  if (ArrayBuffer.isView(value)) return unshared(viewBytes(value));
  if (value instanceof ArrayBuffer || value instanceof SharedArrayBuffer)
    return unshared(new Uint8Array(value));
  const kind = value === null ? "null" : (value?.constructor?.name ?? typeof value);
  const cause =
    operation === "setItemRaw"
      ? `a raw value is a string, a Buffer, an ArrayBuffer or a view of one, a Blob or a stream, not ${kind}`
      : "JSON has no text for a function";
  throw storageError("INVALID_VALUE", owner.name, operation, key, cause);
}

/** Whether a raw value has its bytes later: a Blob, a stream, or whatever else gives its parts asynchronously. */
export function comesLater(value) {
  return value instanceof Blob || typeof value?.[Symbol.asyncIterator] === "function";
}

/** The bytes of such a value, copied: a stream may use its memory again. */
export async function gather(value, owner, operation, key) {
  const parts = [];
  for await (const part of value instanceof Blob ? value.stream() : value) {
    parts.push(Buffer.from(toBytesOrText(part, owner, operation, key)));
  }
  return Buffer.concat(parts);
}

/** Bytes that no other thread changes while they are read. */
function unshared(bytes) {
  return bytes.buffer instanceof SharedArrayBuffer ? Uint8Array.from(bytes) : bytes;
}
