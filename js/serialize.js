/** Items as text, text as items, raw values as text, and the types that `getItem` converts to. */
import { destr } from "destr";

const BASE64 = "base64:";

/** What `destr` may make of a text shows in its first character. */
const PLAIN = 0;
/** A quote, a bracket, a sign or white space: anything. */
const ODD = 1;
/** A digit: a number, which ends in a digit too. */
const DIGIT = 2;
/** The first letters of true, false, null, undefined, NaN and Infinity: one of these, which are short. */
const LETTER = 3;
const LONGEST_WORD = "undefined".length;

const KIND = new Uint8Array(128);
for (const character of '"[{- \t\n\v\f\r') KIND[character.charCodeAt(0)] = ODD;
for (const character of "0123456789") KIND[character.charCodeAt(0)] = DIGIT;
for (const character of "tTfFnNuUiI") KIND[character.charCodeAt(0)] = LETTER;

/** The item that a text stands for. */
export function parse(text) {
  return KIND[text.charCodeAt(0)] === PLAIN || isPlainText(text) ? text : destr(text);
}

/** Whether `destr` would leave a text as it is, seen from both its ends. */
function isPlainText(text) {
  if (text === "") return true;
  const first = text.charCodeAt(0);
  const last = text.charCodeAt(text.length - 1);
  // White space is trimmed, and beyond ASCII there is more of it.
  if (first > 127 || last > 127 || last <= 32) return false;
  if (KIND[first] === DIGIT) return KIND[last] !== DIGIT;
  return KIND[first] === LETTER && text.length > LONGEST_WORD;
}

/** The item that a driver's value stands for. */
export function toItem(value) {
  if (typeof value === "string") return parse(value);
  return value ?? null;
}

/** The text of an item; `undefined` for what JSON has no text for (a function). */
export function stringify(value) {
  if (value === null || (typeof value !== "object" && typeof value !== "function")) {
    return String(value);
  }
  if (isPlain(value) || Array.isArray(value)) return JSON.stringify(value);
  if (typeof value.toJSON === "function") return stringify(value.toJSON());
  throw new Error("[unstorage] Cannot stringify value!");
}

function isPlain(value) {
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype || prototype === Function.prototype;
}

/** The text of a raw value, for drivers that hold only text. */
export function rawToText(value) {
  return typeof value === "string" ? value : BASE64 + Buffer.from(value).toString("base64");
}

/** The raw value of such a text. */
export function textToRaw(value) {
  const encoded = typeof value === "string" && value.startsWith(BASE64);
  return encoded ? Buffer.from(value.slice(BASE64.length), "base64") : value;
}

export function isRawType(type) {
  return type === "bytes" || type === "blob" || type === "stream";
}

/** A driver's value as `getItem(key, { type })` gives it for "text", "json" and no type. */
export async function convertItem(value, type) {
  if (value === null || value === undefined) return null;
  const encoded = typeof value === "string" && value.startsWith(BASE64);
  if (type !== undefined && (encoded || isBinary(value))) {
    value = new TextDecoder().decode(await toBytes(textToRaw(value)));
  }
  if (type === "text") return typeof value === "string" ? value : stringify(value);
  return toItem(value);
}

/** A driver's raw value as `getItem(key, { type })` gives it for "bytes", "blob" and "stream". */
export async function convertRaw(value, type) {
  if (value === null || value === undefined) return null;
  if (type === "bytes") return toBytes(value);
  if (value instanceof Blob) return type === "blob" ? value : value.stream();
  if (type === "stream" && value instanceof ReadableStream) return value;
  const blob = new Blob([await toBytes(value)]);
  return type === "blob" ? blob : blob.stream();
}

function isBinary(value) {
  return (
    ArrayBuffer.isView(value) ||
    value instanceof ArrayBuffer ||
    value instanceof Blob ||
    value instanceof ReadableStream
  );
}

async function toBytes(value) {
  if (typeof value === "string") return new TextEncoder().encode(value);
  if (ArrayBuffer.isView(value)) return viewBytes(value);
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  if (typeof value?.arrayBuffer === "function") return new Uint8Array(await value.arrayBuffer());
  if (typeof value?.[Symbol.asyncIterator] === "function") {
    const chunks = [];
    for await (const chunk of value) {
      if (typeof chunk !== "string" && !isBinary(chunk)) throw notBytes(chunk);
      chunks.push(chunk);
    }
    return new Uint8Array(await new Blob(chunks).arrayBuffer());
  }
  if (typeof value !== "object" || isPlain(value) || Array.isArray(value)) {
    return new TextEncoder().encode(stringify(value));
  }
  throw notBytes(value);
}

/** The bytes under a view, as a Uint8Array and without copying. */
export function viewBytes(view) {
  return view.constructor === Uint8Array
    ? view
    : new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

function notBytes(value) {
  const name = value?.constructor?.name ?? typeof value;
  return new TypeError(`[unstorage] Cannot convert \`${name}\` to bytes.`);
}
