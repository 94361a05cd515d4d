/**
 * The storage: one conductor for every driver. Rust routes a call and does it where the driver is native; a JavaScript
 * driver's method is called here.
 */
import { itemsOf, readTogether, writeTogether } from "./batch.js";
import { cellContent, fromCell, toCell } from "./cells.js";
import { invalidKey, refusedValue, storageError } from "./errors.js";
import { filterKeyByDepth } from "./keys.js";
import { createListing } from "./listing.js";
import { readEach, writeEach } from "./mixed-batch.js";
import { basePrefix, createMounts } from "./mounts.js";
import {
  DONE,
  FOUND,
  INVALID,
  MISS,
  NEEDS_SIZE,
  NEEDS_VALUE,
  PENDING,
  SCRIPT,
  found,
  native,
  pending,
  settle,
  settleWrite,
  slots,
} from "./native.js";
import { comesLater, finishWrite, gather, invalidLife, lifeOf } from "./native-write.js";
import memory from "./drivers/memory.js";
import { requestOf } from "./request-options.js";
import { call } from "./script-driver.js";
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
  const mounts = createMounts(table, {
    changed: () => listing.mountsChanged(),
    made: (mount) => watcher.added(mount),
  });
  const { routed, scripted } = mounts;
  const watcher = createWatcher(mounts.all);

  const changed = (event, key, driver) => {
    if (watcher.active && !driver.watch) watcher.emit(event, native.normalize(key));
  };
  /** As `changed`, for the mount that the addon just routed to. */
  const changedNative = (event, key) => {
    if (watcher.active) changed(event, key, routed().driver);
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
    if (code === PENDING) return pending(routed().owner.raw?.decode);
    return settled(code, key, operation);
  };

  /** The answers that every operation on a key has alike. */
  const settled = (code, key, operation) =>
    code === INVALID ? Promise.reject(invalidKey(key, operation)) : answer(null);

  /** Writes a cell to a native driver; `code` is what `native.set` answered. */
  const writeNative = (code, key, cell, life, request, operation) => {
    const { base, driver, owner } = routed();
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
    throw invalidLife(routed().driver.name, operation, key);
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
    if (native.route(table, key) !== DONE || !routed().owner.forgets) {
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
    const { driver } = routed();
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
      // A wrapper's own getItem counts.
      const getItem = (key, options) => storage.getItem(key, options);
      return readEach(table, mounts, items, commonOptions, getItem);
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
      await writeEach(mounts, items, commonOptions, writeCell, changed);
    },

    setItemRaw(key, value, options = {}) {
      if (value === undefined) return storage.removeItem(key, options);
      try {
        const life = lifeOf(options) ?? oddLife(key, "setItemRaw");
        const code = native.set(table, key, life);
        if (code === INVALID) throw invalidKey(key, "setItemRaw");
        if (code === NEEDS_VALUE && comesLater(value)) {
          const { owner } = routed();
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
      const { driver } = routed();
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
        Object.assign(meta, await pending(routed().owner.toMeta));
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
      const plan = mounts.planned(base, "getKeys");
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
      const plan = mounts.planned(base, "clear");
      const prefix = basePrefix(base);
      await Promise.all(
        plan.map((mount, index) => listing.clear(mount, prefix, plan.slice(0, index), options)),
      );
    },

    async dispose() {
      watcher.disposed();
      await Promise.all(Array.from(mounts.all(), disposeMount));
    },

    async watch(callback) {
      for (const mount of mounts.all()) mounts.ready(mount);
      return watcher.add(callback);
    },

    unwatch: () => watcher.stop(),

    mount(base, driver) {
      const mount = mounts.add(base, driver);
      watcher.added(watcher.active ? mounts.readyOrFailed(mount) : mount);
      return storage;
    },

    async unmount(base, dispose = true) {
      const prefix = basePrefix(base);
      const mount = mounts.at(prefix);
      if (prefix === "" || mount === undefined) return;
      watcher.removed(mount);
      if (dispose) await disposeMount(mount);
      mounts.remove(base);
      settle();
    },

    getMount(key = "") {
      const { driver, base } = mounts.shown(key);
      return { driver, base };
    },

    getMounts(base = "", { parents = false } = {}) {
      return mounts.listed(base, Boolean(parents)).map(({ driver, base }) => ({ driver, base }));
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

  mounts.add("", options.driver ?? memory());
  dropped.register(storage, table);
  return storage;
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
