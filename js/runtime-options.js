/**
 * Options that are read from the environment: those of a config, when the driver is first used, and those of `fromEnv`.
 *
 * An option that a program passes itself is never searched for variables: it may hold what a stranger wrote.
 */
import { storageError } from "./errors.js";
import { normalizeKey } from "./keys.js";
import { OPTION_TYPES } from "./option-types.js";

/** The option by which a config says which mount the others are for. */
export const MOUNT = "rustorage:mount";

/** Under it, options from `fromEnv` have what they were made from. */
const SOURCE = Symbol("rustorage.fromEnv");

/** In the order in which they are asked. */
const PREFIXES = ["NITRO_STORAGE_", "NUXT_STORAGE_"];

const PLACEHOLDER = /\{\{([^{}:]+)(?::([^{}]*))?\}\}/g;

/**
 * The mounts that came from a config, by their names in variables, and how many drivers each has: which of them a variable is for
 * depends on all.
 */
const mounts = new Map();

/** Options of a config. A mount counts for as long as its driver, which holds on to them. */
const dropped = new FinalizationRegistry(forget);

function remember(options, name, mount) {
  if (!mounts.has(name)) mounts.set(name, new Map());
  const drivers = mounts.get(name);
  drivers.set(mount, (drivers.get(mount) ?? 0) + 1);
  dropped.register(options, { name, mount });
}

function forget({ name, mount }) {
  const drivers = mounts.get(name);
  drivers.set(mount, drivers.get(mount) - 1);
  if (drivers.get(mount) === 0) drivers.delete(mount);
  if (drivers.size === 0) mounts.delete(name);
}

/**
 * What a driver's factory was given: the `options` to show, the `mount` where they come from a config, and `read()`, which
 * gives the options with what the environment adds. Without known `types`, an option has that of its value.
 */
export function runtimeOptions(driver, given, types = OPTION_TYPES[driver]) {
  const isPlain = !isRecord(given) || (given[SOURCE] === undefined && given[MOUNT] === undefined);
  if (isPlain) return { options: given, read: () => given };
  const { [MOUNT]: mount, [SOURCE]: source, ...rest } = given;
  const unfilled = source ? stillThere(source, rest) : {};
  const options = { ...rest, ...unfilled };
  const fields = types ?? typesOf(options);
  if (mount === undefined) {
    const read = () => ({ ...rest, ...resolveFields(unfilled, fields, { driver }) });
    return { options, read };
  }
  if (typeof mount !== "string") {
    throw invalid({ driver }, `the option \`${MOUNT}\` must be a string`);
  }
  const context = { driver, mount, name: variableName(normalizeKey(mount)) };
  if (types) checkNames(options, types, context);
  remember(options, context.name, normalizeKey(mount));
  return { options, mount, read: () => resolveFields(options, fields, context) };
}

/** Whether a string in it, also within lists and objects, has `{{VAR}}`. */
export function hasVariables(value) {
  if (typeof value === "string") return value.search(PLACEHOLDER) >= 0;
  return (Array.isArray(value) || isCopyable(value)) && Object.values(value).some(hasVariables);
}

/** Replaces `{{VAR}}` and `{{VAR:default}}` in options that a program passes by itself. */
export function fromEnv(options) {
  const context = { driver: "none", operation: "fromEnv" };
  if (!isRecord(options)) throw invalid(context, "the options must be an object");
  const filled = resolveFields(options, {}, context);
  return { ...filled, [SOURCE]: { written: options, filled } };
}

/** Of the options that `fromEnv` was given, those that nothing was put in the place of. */
function stillThere({ written, filled }, options) {
  return Object.fromEntries(
    Object.entries(written).filter(([option]) => options[option] === filled[option]),
  );
}

/** Options that stand in a config without being the driver's. */
const NO_OPTIONS = new Set(["driver", "lib"]);

function checkNames(options, fields, context, prefix = "") {
  for (const [option, value] of Object.entries(options)) {
    if (value === null || value === undefined || NO_OPTIONS.has(option)) continue;
    if (!Object.hasOwn(fields, option)) {
      const cause = `unknown field \`${prefix}${option}\`, expected ${oneOf(Object.keys(fields))}`;
      throw invalid(context, cause);
    }
    const nested = fields[option].fields;
    if (nested && isRecord(value)) checkNames(value, nested, context, `${prefix}${option}.`);
  }
}

/** As serde says it. */
function oneOf(names) {
  return names.length > 2 ? `one of ${listOf(names)}` : listOf(names, " or ");
}

function listOf(names, separator = ", ") {
  return names.map((name) => `\`${name}\``).join(separator);
}

/** `context` has what errors name and, where variables of the mount count, its `name` in them. */
function resolveFields(options, fields, context, path = []) {
  const resolved = {};
  for (const option of new Set([...Object.keys(options), ...Object.keys(fields)])) {
    const type = Object.hasOwn(fields, option) ? fields[option] : undefined;
    const value = NO_OPTIONS.has(option)
      ? options[option]
      : resolve(options[option], type, context, [...path, option]);
    if (value !== undefined) resolved[option] = value;
  }
  return resolved;
}

function resolve(value, type, context, path) {
  const override = overrideOf(type, context, path);
  if (override !== undefined && !type.fields) return override;
  if (type?.fields && (override !== undefined || value === undefined || isCopyable(value))) {
    // What comes from the environment is not searched for variables.
    const rest = override === undefined ? value : undefined;
    const nested = resolveFields(rest ?? {}, type.fields, context, path);
    const whole = { ...override, ...nested };
    return value === undefined && Object.keys(whole).length === 0 ? undefined : whole;
  }
  if (typeof value === "string") return fill(value, type, context, path);
  if (Array.isArray(value)) {
    return value.map((item, index) =>
      resolve(item, type?.items, { ...context, name: undefined }, [...path, index]),
    );
  }
  return isCopyable(value) ? resolveFields(value, {}, context, path) : value;
}

function fill(text, type, context, path) {
  const variables = [];
  const filled = text.replace(PLACEHOLDER, (_, name, standard) => {
    const variable = name.trim();
    variables.push(variable);
    const value = process.env[variable] ?? standard;
    if (value !== undefined) return value;
    const cause = `the option \`${inWords(path)}\` needs the environment variable ${variable}, which is not set`;
    throw invalid(context, cause);
  });
  if (variables.length === 0 || type === undefined || isOfType(filled, type)) return filled;
  return readVariable(filled, type, context, path, variables.join(" and "));
}

/** What the environment has in place of an option of a mount. */
function overrideOf(type, context, path) {
  if (context.name === undefined || type === undefined) return undefined;
  const option = path.map(variableName).join("_");
  const name = context.name === "" ? option : `${context.name}_${option}`;
  const variable = PREFIXES.map((prefix) => prefix + name).find(
    (known) => process.env[known] !== undefined,
  );
  if (variable === undefined || ownerOf(name) !== context.name) return undefined;
  const [first, second] = mounts.get(context.name).keys();
  if (second !== undefined) {
    const both = `${JSON.stringify(first)} and ${JSON.stringify(second)}`;
    throw invalid(context, `the environment variable ${variable} may be for ${both}: rename one`);
  }
  return readVariable(process.env[variable], type, context, path, variable);
}

function readVariable(text, type, context, path, variable) {
  const value = readAs(text, type);
  if (value !== undefined) return value;
  const [words, place] = complaint(jsonIn(text), type, path);
  const cause = `the environment variable ${variable} must ${words}, for the option \`${inWords(place)}\``;
  throw invalid(context, cause);
}

/** What is wrong with a value that is not of the type: what it has to do, and of which option. Its own fields' names may be secrets. */
function complaint(value, type, path) {
  if (!type.fields || !isRecord(value)) return [`be ${wordsOf(type)}`, path];
  const names = Object.keys(type.fields);
  if (Object.keys(value).some((field) => !names.includes(field))) {
    return [`have no fields but ${listOf(names)}`, path];
  }
  const wrong = names.find((name) => name in value && !isOfType(value[name], type.fields[name]));
  const [words, place] = complaint(value[wrong], type.fields[wrong], [...path, wrong]);
  return [words.replace(/^be /, "have "), place];
}

/** The mount with the longest name that the variable's begins with: `A_B_BASE` is no option of `a` where there is `a_b`. */
function ownerOf(variable) {
  let owner;
  for (const name of mounts.keys()) {
    const fits = name === "" || variable.startsWith(`${name}_`);
    if (fits && (owner === undefined || name.length > owner.length)) owner = name;
  }
  return owner;
}

/** `accessKeyId` is `ACCESS_KEY_ID`, and `cache:my-app` is `CACHE_MY_APP`. */
function variableName(name) {
  return String(name)
    .replace(/([a-z0-9])([A-Z])/g, "$1_$2")
    .replace(/([A-Z])([A-Z][a-z])/g, "$1_$2")
    .replace(/[^A-Za-z0-9]+/g, "_")
    .toUpperCase();
}

/** As serde has it: `watchOptions.ignored[1]`. */
function inWords(path) {
  return path.reduce((text, step) =>
    typeof step === "number" ? `${text}[${step}]` : `${text}.${step}`,
  );
}

function invalid({ driver, operation = "create", mount }, cause) {
  return storageError("INVALID_OPTIONS", driver, operation, mount, cause);
}

// A type is a name, or has `items` (a list), `fields` (an object), `values` (an object whose fields have any names) or `anyOf`, as in
// js/option-types.js.

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
  record: { words: "an object, as JSON", holds: isRecord },
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
function isCopyable(value) {
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
  if (type.values) {
    return isRecord(value) && Object.values(value).every((field) => isOfType(field, type.values));
  }
  return (
    isRecord(value) &&
    Object.keys(value).every(
      (field) => Object.hasOwn(type.fields, field) && isOfType(value[field], type.fields[field]),
    )
  );
}

/** The value of the type that the text stands for; undefined where it stands for none. */
function readAs(text, type) {
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

function wordsOf(type) {
  if (typeof type === "string") return NAMED[type].words;
  if (type.anyOf)
    return type.anyOf
      .filter((one) => one !== "function")
      .map(wordsOf)
      .join(" or ");
  return type.items ? "a list, as JSON" : "an object, as JSON";
}

/** The type of an option of which only the value is known. */
function typeOf(value) {
  if (Array.isArray(value)) return { items: value.length > 0 ? typeOf(value[0]) : "string" };
  if (isCopyable(value)) return { fields: typesOf(value) };
  return (typeof value) in NAMED ? typeof value : undefined;
}

function typesOf(options) {
  return Object.fromEntries(
    Object.entries(options).map(([option, value]) => [option, typeOf(value)]),
  );
}
