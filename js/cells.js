/**
 * How in-memory drivers keep a value in a slot: a string as text, a raw value as it is, and any other item as a `Snapshot`,
 * which is read without parsing. What a caller sees is what text would have given.
 */
import { parse, stringify } from "./serialize.js";

/** An item's parsed value: a primitive, or a tree that nobody else holds. */
class Snapshot {
  constructor(value) {
    this.value = value;
  }
}

/** Copying a tree of more nodes than this costs as much as parsing its text. */
const MOST_NODES = 1024;
/** V8 keeps an object of more members as a table, which takes longer to copy than its text to parse. */
const MOST_MEMBERS = 256;
/** Deeper values go the way of the text, so that cycles fail as they do there. */
const MOST_DEPTH = 64;
/** Lengths of strings that may be slices of a much larger one and are cheap to copy. */
const SHORTEST_SLICE = 13;
const LONGEST_COPIED = 1024;

/** What a value that must go the way of the text turns the walk into. */
const TEXT = Symbol("text");

let nodes = 0;

/** The cell for an item. */
export function toCell(value) {
  switch (typeof value) {
    case "string":
      return value;
    case "number":
      // Other numbers depend on how their text is parsed: 1e16 comes back as a string.
      return (value | 0) === value ? new Snapshot(value | 0) : String(value);
    case "boolean":
      return new Snapshot(value);
    case "object": {
      if (value === null) return new Snapshot(null);
      nodes = 0;
      const copy = isPolluted() ? TEXT : take(value, 0);
      return copy === TEXT ? stringify(value) : new Snapshot(copy);
    }
    default:
      return stringify(value);
  }
}

/** The item in a cell, for `getItem`. */
export function fromCell(cell) {
  if (typeof cell === "string") return parse(cell);
  if (cell instanceof Snapshot) {
    const value = cell.value;
    if (typeof value !== "object" || value === null) return value;
    return isPolluted() ? JSON.parse(JSON.stringify(value)) : give(value);
  }
  return cell ?? null;
}

/** What a driver of texts and raw values would hold: for `getItemRaw` and `getInstance`. */
export function cellContent(cell) {
  return cell instanceof Snapshot ? JSON.stringify(cell.value) : cell;
}

/** JSON does not see inherited properties, `for … in` does. */
function isPolluted() {
  for (const _ in Object.prototype) return true;
  return false;
}

function take(value, depth) {
  if (depth > MOST_DEPTH || ++nodes > MOST_NODES) return TEXT;
  if (Array.isArray(value)) return takeArray(value, depth);
  const prototype = Object.getPrototypeOf(value);
  if ((prototype !== Object.prototype && prototype !== null) || "toJSON" in value) return TEXT;
  if (prototype === null && JSON.isRawJSON?.(value)) return TEXT;
  const copy = {};
  let members = 0;
  for (const key in value) {
    if (++members > MOST_MEMBERS) return TEXT;
    // What every object has may not be assigned to, and none of it has a shorter name.
    if (key.length > 6 && key in Object.prototype) return TEXT;
    const taken = takeMember(value[key], depth);
    if (taken === TEXT) return TEXT;
    if (taken !== undefined) copy[key] = taken;
  }
  return copy;
}

function takeArray(value, depth) {
  if (Object.getPrototypeOf(value) !== Array.prototype || "toJSON" in value) return TEXT;
  const length = value.length;
  if (length > MOST_NODES) return TEXT;
  // Array.from takes thirty times as long.
  const copy = new Array(length);
  const before = nodes;
  for (let index = 0; index < length; index++) {
    const taken = takeMember(value[index], depth);
    if (taken === TEXT) return TEXT;
    // The others are most often like the first: too many of them are not copied in vain.
    if (index === 0 && before + (nodes - before) * length > MOST_NODES) return TEXT;
    copy[index] = taken === undefined ? null : taken;
  }
  return copy;
}

function takeMember(value, depth) {
  switch (typeof value) {
    case "string":
      nodes++;
      return value.length >= SHORTEST_SLICE && value.length <= LONGEST_COPIED
        ? unslice(value)
        : value;
    case "number":
      // As JSON has it: no -0, nothing that is not finite.
      return Number.isFinite(value) ? value + 0 : null;
    case "boolean":
      return value;
    case "object":
      return value === null ? null : take(value, depth + 1);
    case "function":
      return "toJSON" in value ? TEXT : undefined;
    case "bigint":
      return TEXT;
    default:
      return undefined;
  }
}

/** A string of its own: a slice would keep alive what it was cut from. */
function unslice(text) {
  return (" " + text).slice(1);
}

function give(value) {
  if (Array.isArray(value)) {
    const copy = value.slice();
    for (let index = 0; index < copy.length; index++) {
      const member = copy[index];
      if (typeof member === "object" && member !== null) copy[index] = give(member);
    }
    return copy;
  }
  const copy = { ...value };
  for (const key in copy) {
    const member = copy[key];
    if (typeof member === "object" && member !== null) copy[key] = give(member);
  }
  return copy;
}
