/**
 * Driver objects over the addon: plain objects whose methods work detached and survive being spread into another object.
 *
 * A storage that such an object is mounted in calls the addon by itself; the methods serve everybody else.
 */
import { cellContent } from "./cells.js";
import { watchMethods } from "./driver-watch.js";
import { storageError } from "./errors.js";
import { defer } from "./late-driver.js";
import {
  DONE,
  FOUND,
  INVALID,
  MISS,
  NEEDS_VALUE,
  PENDING,
  found,
  native,
  pending,
  settle,
  settleWrite,
  slots,
  startWatch,
  toKeys,
} from "./native.js";
import { comesLater, finishWrite, gather, invalidLife, lifeOf } from "./native-write.js";
import { discreet } from "./redacted-options.js";
import { requestOf } from "./request-options.js";
import { isRecord, runtimeOptions } from "./runtime-options.js";

/** What marks a native driver: its object stands here, with its handle and the methods it was made with. */
const drivers = new WeakMap();

const dropped = new FinalizationRegistry(({ table, handle }) => {
  native.dropTable(table);
  native.dropDriver(handle);
  settle();
});

/**
 * Makes the driver object of the native driver `name`. Where its options come from a config, what is behind the object is made
 * with the first call, which reads the environment; a call that fails leaves it to the next. So it is where Nitro 2 makes a driver
 * of its config while it builds, with the driver's name among the options: the server's environment is not there.
 *
 * `prepare`: what becomes of the options before Rust reads them. `complete`: what becomes of them then, and shows nowhere. `late`: the
 * driver is made with the first call, too. `observe`: what JavaScript does about each write to an
 * in-memory driver, as `{ measure(content, key) → size, dispose?(content, key, reason) }`. `forgets`: writing undefined
 * removes. `ask`: the function that answers what the driver asks while it lists or clears. `toMeta`: the driver has
 * metadata, which this makes of what the addon gives. `raw`: `{ encode(value), decode?(bytes) }`, what is written of a raw value and what comes back of it.
 * `watches`: the driver tells of changes by itself, of keys that this makes those that its callers know.
 * `methods`: what the object has beside the usual.
 */
export function createNativeDriver(
  name,
  given,
  {
    prepare = (options) => options,
    complete = (options) => options,
    late = false,
    observe,
    forgets,
    ask,
    toMeta,
    raw,
    watches,
    methods,
  } = {},
) {
  const { options, mount, read } = runtimeOptions(name, given);
  const prepared = () => prepare(read()) ?? {};
  const create = (place = mount) => {
    const settings = complete(prepared());
    return native.createDriver(name, toJson(name, settings, place), place);
  };
  // The methods hold on to `owner`, so that it goes only after the last of them.
  const flags = { ttl: true, maxDepth: true };
  const hooks = { observe, forgets, ask, toMeta, raw };
  const owner = { name, ...hooks, flags, create, prepared, table: -1, handle: -1 };
  owner.items = itemMethods(owner);
  owner.weak = new WeakRef(owner);
  const own = methods?.(owner);
  const driver = {
    name,
    options: discreet(name, options === given ? prepare(options) : options),
    flags,
    ...owner.items,
    ...own,
    ...(watches && watchMethods((tell) => beginWatch(owner, tell), watches, own?.dispose)),
  };
  drivers.set(driver, { owner, methods: { ...driver } });
  if (mount === undefined && !late && typeof given?.driver !== "string") tableOf(owner);
  else {
    defer(driver, (place) => {
      tableOf(owner, place);
      return driver;
    });
  }
  return driver;
}

function beginWatch(owner, tell) {
  tableOf(owner);
  return startWatch(owner, tell);
}

/**
 * The table of the driver's own, in which it is the root; the driver is made if it was not, and an error of that names the `place`
 * where it is mounted.
 */
export function tableOf(owner, place) {
  if (owner.table >= 0) return owner.table;
  const handle = owner.create(place);
  const flags = native.driverFlags(handle);
  Object.assign(owner.flags, { ttl: (flags & 1) !== 0, maxDepth: (flags & 2) !== 0 });
  const table = native.createTable(true);
  native.mount(table, "", handle);
  dropped.register(owner, { table, handle });
  return Object.assign(owner, { table, handle }).table;
}

/**
 * Options as Rust takes them: of a function it learns only that there is one, null is no option, `lib` is how unstorage takes a
 * client, and `driver` is what a Nitro config leaves among them.
 */
function toJson(name, options, mount) {
  const refuse = (cause) => {
    throw storageError("INVALID_OPTIONS", name, "create", mount, cause);
  };
  if (!isRecord(options)) refuse("the options must be an object");
  const settings = {};
  for (const [option, value] of Object.entries(options)) {
    if (option === "lib" || option === "driver" || value === null || value === undefined) continue;
    if (typeof value === "object" && !Array.isArray(value) && !isRecord(value)) {
      refuse(`the option \`${option}\` must not be a ${value.constructor?.name}`);
    }
    if (typeof value === "number" && !Number.isFinite(value)) {
      // No life is no limit.
      if (option === "ttl" && !Number.isNaN(value)) continue;
      refuse(`the option \`${option}\` must be a finite number`);
    }
    settings[option] = value;
  }
  try {
    return JSON.stringify(settings, (_, value) => {
      if (typeof value === "function") return { function: true };
      // What JSON made null in a Nitro config was a function or nothing.
      return Array.isArray(value) ? value.filter((item) => item !== null) : (value ?? undefined);
    });
  } catch (error) {
    return refuse(error.message);
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

/** The options that a native driver would be made with now, those of the environment among them; none of any other driver. */
export function optionsNow(driver) {
  return drivers.get(driver)?.owner.prepared() ?? {};
}

/** Whether a storage runs this driver in Rust. */
export function isNative(driver) {
  return nativeOwner(driver) !== undefined;
}

/** `maxDepth` as the addon takes it: below 0 for none. */
export function depthOf(maxDepth) {
  return maxDepth === undefined || maxDepth >= 2 ** 31 ? -1 : Math.floor(maxDepth);
}

function itemMethods(owner) {
  const get = (key, raw, options) => {
    const code = native.get(tableOf(owner), key, raw, requestOf(options));
    if (code === FOUND) return found();
    if (code === PENDING) return pending(raw ? owner.raw?.decode : undefined);
    if (code === INVALID) throw invalid(owner, raw ? "getItemRaw" : "getItem", key);
    const content = code === MISS ? null : cellContent(slots[code]);
    settle();
    return content ?? null;
  };
  const set = (key, value, options, operation) => {
    if (value === undefined && owner.forgets) {
      owner.items.removeItem(key, options);
      return undefined;
    }
    const life = lifeOf(options);
    if (life === undefined) throw invalidLife(owner.name, operation, key);
    const table = tableOf(owner);
    const code = native.set(table, key, life);
    if (code === INVALID) throw invalid(owner, operation, key);
    if (code === NEEDS_VALUE && comesLater(value)) {
      return gather(value, owner, operation, key).then((bytes) =>
        set(key, bytes, options, operation),
      );
    }
    const request = requestOf(options);
    const write = { table, key, relative: key, life, request, cell: value, owner, operation };
    const written = finishWrite(code, write);
    settleWrite();
    return written;
  };
  const simple = (operation, call, answer) => (key, options) => {
    const code = call(tableOf(owner), key, requestOf(options));
    if (code === PENDING) return pending();
    if (code === INVALID) throw invalid(owner, operation, key);
    settle();
    return answer(code);
  };
  const getMeta = (key, options) => {
    const code = native.meta(tableOf(owner), key, requestOf(options));
    if (code === INVALID) throw invalid(owner, "getMeta", key);
    return pending(owner.toMeta);
  };
  return {
    ...(owner.toMeta && { getMeta }),
    hasItem: simple("hasItem", native.has, (code) => code === DONE),
    getItem: (key, options) => get(key, false, options),
    getItemRaw: (key, options) => get(key, true, options),
    setItem: (key, value, options) => set(key, value, options, "setItem"),
    setItemRaw: (key, value, options) => set(key, value, options, "setItemRaw"),
    removeItem: simple("removeItem", native.remove, () => undefined),
    getKeys(base, options) {
      const depth = depthOf(options?.maxDepth);
      const keys = native.keys(tableOf(owner), 0, base ?? "", depth, true, requestOf(options));
      if (keys === PENDING) return pending(toKeys, owner.ask);
      if (keys === INVALID) throw invalid(owner, "getKeys", base, "the base is invalid");
      settle();
      return toKeys(keys);
    },
    clear(base, options) {
      const gone = native.clear(tableOf(owner), 0, base ?? "", false, requestOf(options));
      if (gone === PENDING) return pending(throwFailure, owner.ask);
      if (gone === INVALID) throw invalid(owner, "clear", base, "the base is invalid");
      settle();
      return undefined;
    },
  };
}

/** Closes what the driver has open, as `dispose` does. */
export function close(owner) {
  return owner.table >= 0 && native.close(owner.handle) === PENDING ? pending() : undefined;
}

/** Of a clear that gave what is gone, and perhaps why the rest is not. */
function throwFailure([, failure]) {
  if (failure) throw failure;
}

function invalid(owner, operation, key, cause = "the key must be a string") {
  return storageError("INVALID_KEY", owner.name, operation, key, cause);
}
