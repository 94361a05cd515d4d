/**
 * A storage that tells what it does on diagnostics channels, as unstorage's does: `tracing:unstorage.getItem:start` and so on.
 * Where nobody listens, a call goes straight to the storage.
 */
import { tracingChannel } from "node:diagnostics_channel";
import { storageError } from "./errors.js";
import { normalizeBaseKey, normalizeKey } from "./keys.js";
import { redactedOptions } from "./redacted-options.js";

const OPERATIONS = [
  "hasItem",
  "getItem",
  "getItems",
  "getItemRaw",
  "setItem",
  "setItems",
  "setItemRaw",
  "removeItem",
  "getKeys",
  "clear",
];

const CHANNELS = Object.fromEntries(
  OPERATIONS.map((operation) => [operation, tracingChannel(`unstorage.${operation}`)]),
);
// As unstorage has it.
CHANNELS.getMeta = CHANNELS.getItem;

/** Their first argument is a base. */
const OF_BASES = new Set(["getKeys", "clear"]);

/** Those that tell whether they are about metadata, which is kept under keys that end in `$`. */
const ABOUT_META = new Set(["getItem", "setItem", "removeItem"]);

export function withTracing(storage) {
  if (typeof storage?.getItem !== "function") {
    throw storageError("INVALID_OPTIONS", "none", "withTracing", undefined, "it takes a storage");
  }
  if (storage.__traced) return storage;
  const trace = (operation, ...args) =>
    CHANNELS[operation].tracePromise(
      async () => storage[operation](...args),
      contextOf(storage, operation, args[0]),
    );
  const {
    hasItem,
    getItem,
    getItems,
    getItemRaw,
    setItem,
    setItems,
    setItemRaw,
    removeItem,
    getMeta,
    getKeys,
    clear,
  } = CHANNELS;
  // Each is code of its own, which the engine makes the storage's method of where nobody listens: one function for all cost
  // 18 ns a call.
  const traced = {
    ...storage,
    __traced: true,
    hasItem: (key, options) =>
      isHeard(hasItem) ? trace("hasItem", key, options) : storage.hasItem(key, options),
    getItem: (key, options) =>
      isHeard(getItem) ? trace("getItem", key, options) : storage.getItem(key, options),
    getItems: (items, options) =>
      isHeard(getItems) ? trace("getItems", items, options) : storage.getItems(items, options),
    getItemRaw: (key, options) =>
      isHeard(getItemRaw) ? trace("getItemRaw", key, options) : storage.getItemRaw(key, options),
    setItem: (key, value, options) =>
      isHeard(setItem)
        ? trace("setItem", key, value, options)
        : storage.setItem(key, value, options),
    setItems: (items, options) =>
      isHeard(setItems) ? trace("setItems", items, options) : storage.setItems(items, options),
    setItemRaw: (key, value, options) =>
      isHeard(setItemRaw)
        ? trace("setItemRaw", key, value, options)
        : storage.setItemRaw(key, value, options),
    removeItem: (key, options) =>
      isHeard(removeItem) ? trace("removeItem", key, options) : storage.removeItem(key, options),
    getMeta: (key, options) =>
      isHeard(getMeta) ? trace("getMeta", key, options) : storage.getMeta(key, options),
    getKeys: (base, options) =>
      isHeard(getKeys) ? trace("getKeys", base, options) : storage.getKeys(base, options),
    clear: (base, options) =>
      isHeard(clear) ? trace("clear", base, options) : storage.clear(base, options),
    // They call these methods of what they are called on, which is nothing where they are detached.
    setMeta: (...args) => storage.setMeta.apply(traced, args),
    removeMeta: (...args) => storage.removeMeta.apply(traced, args),
    mount(...args) {
      storage.mount(...args);
      return traced;
    },
  };
  traced.has = traced.hasItem;
  traced.get = traced.getItem;
  traced.set = traced.setItem;
  traced.del = traced.removeItem;
  traced.remove = traced.removeItem;
  traced.keys = traced.getKeys;
  return traced;
}

/** Whether a call has to be published. The channels' own `hasSubscribers` is younger than Node 20. */
function isHeard({ start, end, asyncStart, asyncEnd, error }) {
  return (
    start.hasSubscribers ||
    end.hasSubscribers ||
    asyncStart.hasSubscribers ||
    asyncEnd.hasSubscribers ||
    error.hasSubscribers
  );
}

/** What subscribers get: the keys, and the first one's mount. */
function contextOf(storage, operation, subject) {
  const normalize = OF_BASES.has(operation) ? normalizeBaseKey : normalizeKey;
  const subjects = Array.isArray(subject) ? subject : subject ? [subject] : [];
  const keys = subjects
    .map((one) => (typeof one === "string" ? one : one?.key))
    .map((key) => (typeof key === "string" ? normalize(key) : ""));
  const [first] = keys;
  const meta =
    operation === "getMeta" || (ABOUT_META.has(operation) ? first?.endsWith("$") : undefined);
  if (!first) return { keys, meta };
  const { base, driver } = storage.getMount(first);
  return { keys, meta, base, driver: { name: driver.name, options: redactedOptions(driver) } };
}
