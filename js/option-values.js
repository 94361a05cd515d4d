/**
 * The types of options, and how a text is read as a value of one.
 *
 * A type is a name, or has `items` (a list), `fields` (an object) or `anyOf`; js/option-types.js has those of the native drivers.
 */
const BOOLEANS = new Map([
  ["true", true],
  ["1", true],
  ["false", false],
  ["0", false],
]);

const NAMED = {
  boolean: { words: "true or false", holds: (value) => typeof value === "boolean" },
  function: { words: "a function", holds: (value) => typeof value === "function" },
  integer: { words: "a whole number", holds: Number.isSafeInteger },
  number: { words: "a number", holds: Number.isFinite },
  string: { words: "a string", holds: (value) => typeof value === "string" },
  unsigned: {
    words: "a whole number, and not below 0",
    holds: (value) => Number.isSafeInteger(value) && value >= 0,
  },
};

/** An object of options, of whatever realm: no array, Map, URL or the like. */
export function isRecord(value) {
  return Object.prototype.toString.call(value) === "[object Object]";
}

/** Whether it may be copied. A driver or a client has to stay the very object that it is. */
export function isCopyable(value) {
  if (!isRecord(value)) return false;
  const prototype = Object.getPrototypeOf(value);
  const isPlain = prototype === null || Object.getPrototypeOf(prototype) === null;
  return isPlain && Object.values(value).every((field) => typeof field !== "function");
}

export function isOfType(value, type) {
  if (type === undefined) return true;
  if (typeof type === "string") return NAMED[type].holds(value);
  if (type.anyOf) return type.anyOf.some((one) => isOfType(value, one));
  if (type.items) return Array.isArray(value) && value.every((item) => isOfType(item, type.items));
  return (
    isRecord(value) &&
    Object.keys(value).every(
      (field) => Object.hasOwn(type.fields, field) && isOfType(value[field], type.fields[field]),
    )
  );
}

/** The value of the type that the text stands for; undefined where it stands for none. */
export function readAs(text, type) {
  const readings = [BOOLEANS.get(text), numberIn(text), jsonIn(text), text];
  return readings.find((value) => value !== undefined && isOfType(value, type));
}

function numberIn(text) {
  return text.trim() === "" ? undefined : Number(text);
}

function jsonIn(text) {
  try {
    const value = JSON.parse(text);
    return typeof value === "object" ? value : undefined;
  } catch {
    return undefined;
  }
}

export function wordsOf(type) {
  if (typeof type === "string") return NAMED[type].words;
  if (type.anyOf)
    return type.anyOf
      .filter((one) => one !== "function")
      .map(wordsOf)
      .join(" or ");
  return type.items ? "a list, as JSON" : "an object, as JSON";
}

/** The type of an option of which only the value is known. */
export function typeOf(value) {
  if (Array.isArray(value)) return { items: value.length > 0 ? typeOf(value[0]) : "string" };
  if (isCopyable(value)) return { fields: typesOf(value) };
  return (typeof value) in NAMED ? typeof value : undefined;
}

export function typesOf(options) {
  return Object.fromEntries(
    Object.entries(options).map(([option, value]) => [option, typeOf(value)]),
  );
}
