/**
 * The storage: one conductor for every driver. Rust routes a call and does it where the driver is native; a JavaScript
 * driver's method is called here.
 */
import { itemsOf, readTogether, writeTogether } from "./batch.js";
import { cellContent, fromCell, toCell } from "./cells.js";
import { invalidBase, invalidKey, refusedValue, storageError } from "./errors.js";
import { filterKeyByDepth } from "./keys.js";
import { failedDriver, makerOf } from "./late-driver.js";
import { createListing } from "./listing.js";
import {
  comesLater,
  finishWrite,
  gather,
  invalidLife,
  lifeOf,
  nativeOwner,
  toBytesOrText,
} from "./native-driver.js";
import {
  DONE,
  FOUND,
  INVALID,
  MISS,
  MOUNT,
  MOUNTED,
  NEEDS_SIZE,
  NEEDS_VALUE,
  NORMAL,
  OFFSET,
  PENDING,
  SCRIPT,
  found,
  native,
  pending,
  registers,
  settle,
  settleWrite,
  slots,
} from "./native.js";
import memory from "./drivers/memory.js";
import { requestOf } from "./request-options.js";
import { call, isWritable, readBatch } from "./script-driver.js";
import { convertItem, convertRaw, isRawType, rawToText, textToRaw, toItem } from "./serialize.js";
import { createWatcher } from "./watch.js";

const dropped = new FinalizationRegistry((table) => {
  native.dropTable(table);
  settle();
});

export function createStorage(options = {}) {
  if (typeof options?.getItem === "function") {
    const cause = "it takes options: pass a driver as { driver }";
    throw storageError("INVALID_OPTIONS", "none", "createStorage", undefined, cause);
  }
  const table = native.createTable(false);
  /**
   * By the number that the addon gives a mount: `{ id, base, driver, owner, make }`, with the owner of a native driver, or with
   * what makes the driver when the mount is first used.
   */
  const mounts = new Map();
  const watcher = createWatcher(() => mounts.values());

  const mountDriver = (base, driver) => {
    checkDriver(driver, base);
    const make = makerOf(driver);
    const owner = make ? undefined : nativeOwner(driver);
    const id = native.mount(table, base || "", owner === undefined ? -1 : owner.handle);
    if (id === INVALID) throw invalidBase(base, "mount");
    const prefix = basePrefix(base);
    if (id === MOUNTED) {
      const error = new Error(`already mounted at ${prefix}`);
      throw Object.assign(error, { code: "ALREADY_MOUNTED", operation: "mount", key: base });
    }
    if (prefix === "") {
      for (const [known, mount] of mounts) if (mount.base === "") mounts.delete(known);
    }
    const mount = { id, base: prefix, driver, owner, make };
    mounts.set(id, mount);
    listing.mountsChanged();
    return mount;
  };

  /** The mount, with its driver made. */
  const made = (mount) => {
    if (mount.make === undefined) return mount;
    const driver = mount.make(mount.base.slice(0, -1) || undefined);
    checkDriver(driver, mount.base);
    const owner = nativeOwner(driver);
    // What was mounted stays, as its options keep the mount's name in variables.
    Object.assign(mount, { driver, owner, make: undefined, mounted: mount.driver });
    if (owner) native.retarget(table, mount.id, owner.handle);
    listing.mountsChanged();
    watcher.added(mount);
    return mount;
  };

  /** As `made`; where the driver cannot be made, every call of it fails, and the next one tries again. */
  const madeOrFailed = (mount) => {
    try {
      return made(mount);
    } catch (error) {
      return { ...mount, driver: failedDriver(mount.driver, error) };
    }
  };

  /**
   * The JavaScript driver that the addon just routed to, and the key as that driver knows it. `again` says that the driver was made
   * now and is native: the call has to be made once more.
   */
  const scripted = (key) => {
    const mount = mounts.get(registers[MOUNT]);
    const relative = (registers[NORMAL] !== 0 ? key : native.normalize(key)).slice(
      registers[OFFSET],
    );
    if (mount.make === undefined) return { mount, key: relative, again: false };
    const usable = madeOrFailed(mount);
    return { mount: usable, key: relative, again: usable.owner !== undefined };
  };

  /** As `native.check`, with the driver made that the key goes to. */
  const checked = (key) => {
    const route = native.check(table, key);
    if (route !== SCRIPT || mounts.get(registers[MOUNT]).make === undefined) return route;
    made(mounts.get(registers[MOUNT]));
    return native.check(table, key);
  };

  const planned = (base, parents, operation) => {
    const plan = native.plan(table, base || "", parents, false);
    if (plan === INVALID) throw invalidBase(base, operation);
    return Array.from(plan, (id) => ({ ...made(mounts.get(id)) }));
  };

  const changed = (event, key, driver) => {
    if (watcher.active && !driver.watch) watcher.emit(event, native.normalize(key));
  };
  /** As `changed`, for the mount that the addon just routed to. */
  const changedNative = (event, key) => {
    if (watcher.active) changed(event, key, mounts.get(registers[MOUNT]).driver);
  };

  const listing = createListing(table, watcher, changed);

  const typedItem = async (key, options) => {
    if (isRawType(options.type)) {
      return convertRaw(await readRaw(key, options, "getItem"), options.type);
    }
    const code = native.get(table, key, false, requestOf(options));
    if (code === SCRIPT) {
      const { mount, key: relative, again } = scripted(key);
      if (again) return typedItem(key, options);
      return convertItem(await call(mount, "getItem", relative, options), options.type);
    }
    if (code === FOUND) return convertItem(await found(), options.type);
    if (code === PENDING) return convertItem(await pending(), options.type);
    if (code === INVALID) throw invalidKey(key, "getItem");
    const content = code === MISS ? null : cellContent(slots[code]);
    settle();
    return convertItem(content, options.type);
  };

  const readRaw = (key, options, operation) => {
    const code = native.get(table, key, true, requestOf(options));
    if (code >= 0) {
      const content = cellContent(slots[code]);
      settle();
      return Promise.resolve(content ?? null);
    }
    if (code === SCRIPT) {
      const { mount, key: relative, again } = scripted(key);
      if (again) return readRaw(key, options, operation);
      return mount.driver.getItemRaw
        ? call(mount, "getItemRaw", relative, options)
        : call(mount, "getItem", relative, options).then(textToRaw);
    }
    if (code === FOUND) return found();
    if (code === PENDING) return pending(mounts.get(registers[MOUNT]).owner.raw?.decode);
    return settled(code, key, operation);
  };

  /** The answers that every operation on a key has alike. */
  const settled = (code, key, operation) =>
    code === INVALID ? Promise.reject(invalidKey(key, operation)) : answer(null);

  /** Writes a cell to a native driver; `code` is what `native.set` answered. */
  const writeNative = (code, key, cell, life, request, operation) => {
    const { base, driver, owner } = mounts.get(registers[MOUNT]);
    const relative = code === NEEDS_SIZE ? native.normalize(key).slice(base.length) : undefined;
    const write = { table, key, relative, life, request, cell, owner, operation };
    const written = finishWrite(code, write);
    if (written === undefined) {
      changed("update", key, driver);
      settleWrite();
      return Promise.resolve();
    }
    return watcher.active ? written.then(() => changed("update", key, driver)) : written;
  };

  /** What stands for a life that `lifeOf` does not know: what a JavaScript driver makes of it is its own affair. */
  const oddLife = (key, operation) => {
    const route = native.route(table, key);
    if (route === SCRIPT || route === INVALID) return 0;
    throw invalidLife(mounts.get(registers[MOUNT]).driver.name, operation, key);
  };

  const writeCell = (key, cell, options) => {
    if (cell === undefined && forgets(key)) return Promise.resolve();
    const life = lifeOf(options) ?? oddLife(key, "setItem");
    const code = native.set(table, key, life);
    if (code < 0) return writeElsewhere(code, key, cell, life, options);
    slots[code] = cell;
    if (watcher.active) changedNative("update", key);
    settleWrite();
    return Promise.resolve();
  };

  /** As `writeCell`, where the addon could not just take the cell. */
  const writeElsewhere = (code, key, cell, life, options) => {
    if (code === INVALID) throw invalidKey(key, "setItem");
    if (code !== SCRIPT) return writeNative(code, key, cell, life, requestOf(options), "setItem");
    const { mount, key: relative, again } = scripted(key);
    if (again) return writeCell(key, cell, options);
    if (!mount.driver.setItem) return Promise.resolve();
    const written = call(mount, "setItem", relative, cellContent(cell), options);
    return written.then(() => changed("update", key, mount.driver));
  };

  /** Whether the key's driver took a write of nothing for a removal. */
  const forgets = (key) => {
    if (native.route(table, key) !== DONE || !mounts.get(registers[MOUNT]).owner.forgets) {
      return false;
    }
    native.remove(table, key);
    changedNative("update", key);
    settle();
    return true;
  };

  /** How a write ends that threw `error`. What cannot be stored matters only where it would be. */
  const failedWrite = (key, error) => {
    const route = native.route(table, key);
    if (route === INVALID) return Promise.reject(invalidKey(key, "setItem"));
    const { driver } = mounts.get(registers[MOUNT]);
    if (route === SCRIPT && !driver.setItem) return Promise.resolve();
    return Promise.reject(refusedValue(error, "setItem", key));
  };

  const storage = {
    hasItem(key, options = {}) {
      const code = native.has(table, key, requestOf(options));
      if (code === DONE) return Promise.resolve(true);
      if (code === MISS) return answer(false);
      if (code === PENDING) return pending();
      if (code === SCRIPT) {
        const { mount, key: relative, again } = scripted(key);
        if (again) return own.hasItem(key, options);
        return call(mount, "hasItem", relative, options);
      }
      return settled(code, key, "hasItem");
    },

    getItem(key, options = {}) {
      if (options !== null && options.type !== undefined) return typedItem(key, options);
      const code = native.get(table, key, false, requestOf(options));
      if (code >= 0) {
        try {
          const item = fromCell(slots[code]);
          settle();
          return Promise.resolve(item);
        } catch (error) {
          return Promise.reject(error);
        }
      }
      if (code === FOUND) return found(toItem);
      if (code === PENDING) return pending(toItem);
      if (code === SCRIPT) {
        const { mount, key: relative, again } = scripted(key);
        if (again) return own.getItem(key, options);
        return call(mount, "getItem", relative, options).then(toItem);
      }
      return settled(code, key, "getItem");
    },

    async getItems(asked, commonOptions = {}) {
      const items = itemsOf(asked, "getItems");
      const together = readTogether(table, items, commonOptions);
      if (together) return together;
      const entries = items.map((item) => {
        const { key, options } = typeof item === "string" ? { key: item } : (item ?? {});
        const route = native.route(table, key);
        if (route === INVALID) throw invalidKey(key, "getItems");
        const merged = options ? { ...commonOptions, ...options } : commonOptions;
        const batch = route === SCRIPT ? scripted(key) : undefined;
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
            const values = await Promise.all(
              batch.map(({ key, options }) => storage.getItem(key, options)),
            );
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
    },

    getItemRaw(key, options = {}) {
      return readRaw(key, options, "getItemRaw");
    },

    setItem(key, value, options = {}) {
      if (value === undefined) return storage.removeItem(key);
      try {
        return writeCell(key, toCell(value), options);
      } catch (error) {
        return failedWrite(key, error);
      }
    },

    async setItems(given, commonOptions) {
      const items = itemsOf(given, "setItems");
      const written = watcher.active
        ? (key) => native.route(table, key) === DONE && changedNative("update", key)
        : undefined;
      const together = writeTogether(table, items, commonOptions, written);
      // What there is to wait for has begun. Anything else begins now, before calls that are made after this one.
      const single = together instanceof Promise ? await together : together;
      if (single) {
        await Promise.all(single.map(({ key, cell }) => writeCell(key, cell, commonOptions)));
        return;
      }
      const batches = new Map();
      // Every key, then every value is read and accepted before the first is written.
      const routes = items.map((item) => {
        const key = item?.key;
        const route = checked(key);
        if (route === INVALID) throw invalidKey(key, "setItems");
        const { mount, key: relative } = scripted(key);
        return { route, mount, relative, full: native.normalize(key) };
      });
      const entries = items.map(({ value, options }, index) => {
        const { route, mount, relative, full } = routes[index];
        const script = route === SCRIPT;
        const entry = {
          key: full,
          cell: isWritable(script, mount) ? cellOf(value, "setItems", full) : undefined,
          options: options ? { ...commonOptions, ...options } : commonOptions,
        };
        if (!script && lifeOf(entry.options) === undefined) {
          throw invalidLife(mount.driver.name, "setItems", full);
        }
        if (route === NEEDS_VALUE)
          toBytesOrText(cellContent(entry.cell), mount.owner, "setItems", full);
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
    },

    setItemRaw(key, value, options = {}) {
      if (value === undefined) return storage.removeItem(key, options);
      try {
        const life = lifeOf(options) ?? oddLife(key, "setItemRaw");
        const code = native.set(table, key, life);
        if (code === INVALID) throw invalidKey(key, "setItemRaw");
        if (code === NEEDS_VALUE && comesLater(value)) {
          const { owner } = mounts.get(registers[MOUNT]);
          return gather(value, owner, "setItemRaw", key).then((bytes) =>
            storage.setItemRaw(key, bytes, options),
          );
        }
        if (code !== SCRIPT) {
          return writeNative(code, key, value, life, requestOf(options), "setItemRaw");
        }
        const { mount, key: relative, again } = scripted(key);
        if (again) return own.setItemRaw(key, value, options);
        const { driver } = mount;
        if (!driver.setItemRaw && !driver.setItem) return Promise.resolve();
        const written = driver.setItemRaw
          ? call(mount, "setItemRaw", relative, value, options)
          : call(mount, "setItem", relative, rawToText(value), options);
        return written.then(() => changed("update", key, driver));
      } catch (error) {
        return Promise.reject(error);
      }
    },

    async removeItem(key, options = {}) {
      const { removeMeta, removeMata } =
        typeof options === "boolean" ? { removeMeta: options } : (options ?? {});
      const withMeta = removeMeta || removeMata;
      const request = requestOf(options);
      const code = native.remove(table, key, request);
      if (code === SCRIPT) {
        const { mount, key: relative, again } = scripted(key);
        if (again) return own.removeItem(key, options);
        if (!mount.driver.removeItem) return;
        const passed = typeof options === "boolean" ? { removeMeta: options } : options;
        await call(mount, "removeItem", relative, passed);
        if (withMeta) await call(mount, "removeItem", relative + "$", passed);
        changed("remove", key, mount.driver);
        return;
      }
      if (code === INVALID) throw invalidKey(key, "removeItem");
      const { driver } = mounts.get(registers[MOUNT]);
      const removals = code === PENDING ? [pending()] : [];
      if (withMeta && native.remove(table, native.normalize(key) + "$", request) === PENDING) {
        removals.push(pending());
      }
      if (removals.length > 0) await Promise.all(removals);
      changed("remove", key, driver);
      settle();
    },

    async getMeta(key, options = {}) {
      const { nativeOnly } =
        typeof options === "boolean" ? { nativeOnly: options } : (options ?? {});
      const passed = typeof options === "boolean" ? { nativeOnly: options } : options;
      const meta = Object.create(null);
      const request = requestOf(options);
      const code = native.meta(table, key, request);
      if (code === INVALID) throw invalidKey(key, "getMeta");
      if (code === PENDING) {
        Object.assign(meta, await pending(mounts.get(registers[MOUNT]).owner.toMeta));
      }
      let kept;
      if (code === SCRIPT) {
        const { mount, key: relative, again } = scripted(key);
        if (again) return own.getMeta(key, options);
        if (mount.driver.getMeta)
          Object.assign(meta, await call(mount, "getMeta", relative, passed));
        if (!nativeOnly) kept = toItem(await call(mount, "getItem", relative + "$", passed));
      } else if (!nativeOnly) {
        kept = await storage.getItem(
          native.normalize(key) + "$",
          request && { ...options, type: undefined },
        );
      }
      if (kept && typeof kept === "object") {
        for (const field of ["atime", "mtime"]) {
          if (typeof kept[field] === "string") kept[field] = new Date(kept[field]);
        }
        Object.assign(meta, kept);
      }
      return meta;
    },

    // A wrapper around the storage sees these writes as its own; detached they are the storage's.
    async setMeta(key, value, options = {}) {
      return (this ?? storage).setItem(metaKey(key, "setMeta"), value, options);
    },

    async removeMeta(key, options = {}) {
      return (this ?? storage).removeItem(metaKey(key, "removeMeta"), options);
    },

    async getKeys(base, options = {}) {
      const plan = planned(base, true, "getKeys");
      const prefix = basePrefix(base);
      const maxDepth = options?.maxDepth;
      // All are asked before the first answers: what is mounted meanwhile, or no longer, does not count.
      const lists = await Promise.all(
        plan.map((mount, index) => listing.keys(mount, prefix, plan.slice(0, index), options)),
      );
      const keys = lists.length === 1 ? lists[0] : lists.flat();
      return maxDepth === undefined ? keys : keys.filter((key) => filterKeyByDepth(key, maxDepth));
    },

    async clear(base, options = {}) {
      const plan = planned(base, true, "clear");
      const prefix = basePrefix(base);
      await Promise.all(
        plan.map((mount, index) => listing.clear(mount, prefix, plan.slice(0, index), options)),
      );
    },

    async dispose() {
      watcher.disposed();
      await Promise.all([...mounts.values()].map(disposeMount));
    },

    async watch(callback) {
      for (const mount of mounts.values()) made(mount);
      return watcher.add(callback);
    },

    unwatch: () => watcher.stop(),

    mount(base, driver) {
      const mount = mountDriver(base, driver);
      watcher.added(watcher.active ? madeOrFailed(mount) : mount);
      return storage;
    },

    async unmount(base, dispose = true) {
      const prefix = basePrefix(base);
      const mount = [...mounts.values()].find((known) => known.base === prefix);
      if (prefix === "" || mount === undefined) return;
      watcher.removed(mount);
      if (dispose) await disposeMount(mount);
      const id = native.unmount(table, base);
      if (id !== MISS) mounts.delete(id);
      listing.mountsChanged();
      settle();
    },

    getMount(key = "") {
      const { driver, base } = mounts.get(native.mountOf(table, key));
      return { driver, base };
    },

    getMounts(base = "", { parents = false } = {}) {
      return Array.from(native.plan(table, base, Boolean(parents), true), (id) => {
        const mount = mounts.get(id);
        return { driver: mount.driver, base: mount.base };
      });
    },

    keys: (base, options = {}) => storage.getKeys(base, options),
    get: (key, options = {}) => storage.getItem(key, options),
    set: (key, value, options = {}) => storage.setItem(key, value, options),
    has: (key, options = {}) => storage.hasItem(key, options),
    del: (key, options = {}) => storage.removeItem(key, options),
    remove: (key, options = {}) => storage.removeItem(key, options),
  };

  /** The methods as they are here, whatever a wrapper makes of the storage's. */
  const own = { ...storage };

  const metaKey = (key, operation) => {
    if (native.route(table, key) === INVALID) throw invalidKey(key, operation);
    return native.normalize(key) + "$";
  };

  mountDriver("", options.driver ?? memory());
  dropped.register(storage, table);
  return storage;
}

/** As `toCell`; its error says which item it was. */
function cellOf(value, operation, key) {
  try {
    return toCell(value);
  } catch (error) {
    throw refusedValue(error, operation, key);
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

/** Tells the usual mistakes apart. */
function checkDriver(driver, base) {
  const refuse = (cause) => {
    throw storageError("INVALID_OPTIONS", "none", "mount", base, cause);
  };
  if (typeof driver === "function") {
    refuse(`a function is no driver: call it, as in ${driver.name || "driver"}()`);
  }
  if (driver === null || typeof driver !== "object") {
    refuse(`a driver is an object, not ${driver === null ? "null" : typeof driver}`);
  }
  if (typeof driver.then === "function") refuse("a promise is no driver: await it");
  if (driver.driver !== undefined && driver.getItem === undefined) {
    refuse(
      "`driver` with options is for a config, as defineStorage takes it: call a driver's factory, as in fs({ … })",
    );
  }
  if (typeof driver.default === "function" && driver.getItem === undefined) {
    refuse("a module is no driver: call its default export");
  }
}

/** The answer of a call of an in-memory driver that is over but for what it let go. */
function answer(value) {
  try {
    settle();
    return Promise.resolve(value);
  } catch (error) {
    return Promise.reject(error);
  }
}

async function disposeMount({ driver }) {
  if (typeof driver.dispose === "function") await driver.dispose();
}

function basePrefix(base) {
  const key = native.normalize(base || "");
  return key && key + ":";
}
