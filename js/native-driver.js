/**
 * Driver objects over the addon: plain objects whose methods work detached and survive being spread into another object.
 *
 * A storage that such an object is mounted in calls the addon by itself; the methods serve everybody else.
 */
import { cellContent } from "./cells.js";
import { storageError } from "./errors.js";
import {
  DONE,
  FOUND,
  INVALID,
  MISS,
  NEEDS_SIZE,
  NEEDS_VALUE,
  PENDING,
  TOO_LARGE,
  disposers,
  found,
  native,
  pending,
  settle,
  settleWrite,
  slots,
  toKeys,
} from "./native.js";
import { viewBytes } from "./serialize.js";

/** What marks a native driver: its object stands here, with its handle and the methods it was made with. */
const drivers = new WeakMap();

const dropped = new FinalizationRegistry(({ table, handle }) => {
  native.dropTable(table);
  native.dropDriver(handle);
  settle();
});

/**
 * Makes the driver object of the native driver `name`.
 *
 * `observe`: what JavaScript does about each write to an in-memory driver, as
 * `{ measure(content, key) → size, dispose?(content, key, reason) }`. `forgets`: writing undefined
 * removes. `ask`: the function that answers what the driver asks while it lists or clears. `methods`: what the object has
 * beside the usual.
 */
export function createNativeDriver(name, options, { observe, forgets, ask, methods } = {}) {
  const handle = native.createDriver(name, toJson(name, options ?? {}));
  const table = native.createTable(true);
  native.mount(table, "", handle);
  // The methods hold on to `owner`, so that it goes only after the last of them.
  const owner = { table, handle, observe, forgets, ask, name };
  owner.items = itemMethods(owner);
  dropped.register(owner, { table, handle });
  const flags = native.driverFlags(handle);
  const driver = {
    name,
    options,
    flags: { ttl: (flags & 1) !== 0, maxDepth: (flags & 2) !== 0 },
    ...owner.items,
    ...methods?.(owner),
  };
  drivers.set(driver, { owner, methods: { ...driver } });
  return driver;
}

/**
 * Options as Rust takes them: of a function it learns only that there is one, null is no option, `lib` is how unstorage takes a
 * client, and `driver` is what a Nitro config leaves among them.
 */
function toJson(name, options) {
  const settings = { ...options, lib: undefined, driver: undefined };
  try {
    return JSON.stringify(settings, (_, value) =>
      typeof value === "function" ? true : (value ?? undefined),
    );
  } catch (error) {
    throw storageError("INVALID_OPTIONS", name, "create", undefined, error.message);
  }
}

/** The native side of a driver object; undefined where there is none, or a method was replaced. */
export function nativeOwner(driver) {
  const known = drivers.get(driver);
  if (known === undefined) return undefined;
  const same = Object.keys(known.methods).every((name) => driver[name] === known.methods[name]);
  return same && Object.keys(driver).length === Object.keys(known.methods).length
    ? known.owner
    : undefined;
}

/** Whether a storage runs this driver in Rust. */
export function isNative(driver) {
  return nativeOwner(driver) !== undefined;
}

/** An item's life in milliseconds, as the addon takes it: 0 for none. */
export function lifeOf(options) {
  const ttl = options?.ttl;
  return ttl === undefined || ttl === null ? 0 : ttl * 1000;
}

/** Writes a cell after the addon answered NEEDS_SIZE. `relative` is the key as the driver knows it. */
export function writeObserved(table, key, relative, life, cell, owner, operation) {
  const { measure, dispose } = owner.observe;
  const content = cellContent(cell);
  const size = measure(content, relative, operation);
  const code = native.set(table, key, life, size);
  if (code === TOO_LARGE) {
    const cause = `${size} bytes are more than the driver may hold`;
    throw storageError("TOO_LARGE", owner.name, operation, key, cause);
  }
  if (code >= 0) {
    const replaced = disposers.get(code);
    slots[code] = cell;
    if (dispose) disposers.set(code, (reason) => dispose(content, relative, reason));
    replaced?.("set");
  }
  settleWrite();
}

/** What goes to a file or the like: text as it is, anything binary as its bytes. */
export function toBytesOrText(value, owner, operation, key) {
  if (typeof value === "string") return value;
  if (ArrayBuffer.isView(value)) return viewBytes(value);
  if (value instanceof ArrayBuffer || value instanceof SharedArrayBuffer)
    return new Uint8Array(value);
  const kind = value === null ? "null" : (value?.constructor?.name ?? typeof value);
  throw storageError(
    "INVALID_VALUE",
    owner.name,
    operation,
    key,
    `a raw value is a string, a Buffer, an ArrayBuffer or a view of one, not ${kind}`,
  );
}

/** The fields of a file's metadata; all are undefined for what is not there. */
export function toMeta(numbers) {
  if (numbers === null) {
    return {
      atime: undefined,
      mtime: undefined,
      size: undefined,
      birthtime: undefined,
      ctime: undefined,
    };
  }
  const [atime, mtime, size, birthtime, ctime] = numbers;
  const date = (milliseconds) => new Date(milliseconds);
  return {
    atime: date(atime),
    mtime: date(mtime),
    size,
    birthtime: date(birthtime),
    ctime: date(ctime),
  };
}

function itemMethods(owner) {
  const { table } = owner;
  const get = (key, raw) => {
    const code = native.get(table, key, raw);
    if (code === FOUND) return found();
    if (code === PENDING) return pending();
    if (code === INVALID) throw invalid(owner, raw ? "getItemRaw" : "getItem", key);
    const content = code === MISS ? null : cellContent(slots[code]);
    settle();
    return content ?? null;
  };
  const set = (key, value, options, operation) => {
    if (value === undefined && owner.forgets) {
      owner.items.removeItem(key);
      return undefined;
    }
    const life = lifeOf(options);
    const code = native.set(table, key, life);
    if (code >= 0) {
      slots[code] = value;
      settleWrite();
    } else if (code === NEEDS_SIZE) {
      writeObserved(table, key, key, life, value, owner, operation);
    } else if (code === NEEDS_VALUE) {
      const sent = toBytesOrText(value, owner, operation, key);
      native.submitSet(table, key, sent, life, operation === "setItemRaw");
      return pending();
    } else if (code === INVALID) {
      throw invalid(owner, operation, key);
    } else if (code === TOO_LARGE) {
      throw storageError("TOO_LARGE", owner.name, operation, key, "the driver may hold nothing");
    }
    return undefined;
  };
  const simple = (operation, call, answer) => (key) => {
    const code = call(table, key);
    if (code === PENDING) return pending();
    if (code === INVALID) throw invalid(owner, operation, key);
    settle();
    return answer(code);
  };
  return {
    hasItem: simple("hasItem", native.has, (code) => code === DONE),
    getItem: (key) => get(key, false),
    getItemRaw: (key) => get(key, true),
    setItem: (key, value, options) => set(key, value, options, "setItem"),
    setItemRaw: (key, value, options) => set(key, value, options, "setItemRaw"),
    removeItem: simple("removeItem", native.remove, () => undefined),
    getKeys(base, options) {
      const keys = native.keys(table, 0, base ?? "", options?.maxDepth ?? -1, true);
      if (keys === PENDING) return pending(toKeys, owner.ask);
      if (keys === INVALID) throw invalid(owner, "getKeys", base);
      settle();
      return toKeys(keys);
    },
    clear(base) {
      const gone = native.clear(table, 0, base ?? "");
      if (gone === PENDING) return pending(() => undefined, owner.ask);
      if (gone === INVALID) throw invalid(owner, "clear", base);
      settle();
      return undefined;
    },
  };
}

function invalid(owner, operation, key) {
  return storageError("INVALID_KEY", owner.name, operation, key, "the key must be a string");
}
