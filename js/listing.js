/** Listing and clearing one mount of a storage: natively, or key by key where the driver is JavaScript. */
import { storageError } from "./errors.js";
import { normalizeKey } from "./keys.js";
import { depthOf } from "./native-driver.js";
import { PENDING, native, pending, rethrow, settle, toKeys } from "./native.js";
import { requestOf } from "./request-options.js";
import { call, nameOf } from "./script-driver.js";

/** `changed` hears of each key that is gone; `longer` are the mounts before it, which hide its keys under their bases. */
export function createListing(table, watcher, changed) {
  /** By the number of an in-memory driver's mount: what its keys were when they were last listed. */
  const listings = new Map();

  /** The full keys of a native driver under `prefix`. An in-memory driver's last list is kept until a key changes. */
  const listNative = async (mount, prefix, depth, request) => {
    const generation = native.generation(table, mount.id);
    const known = listings.get(mount.id);
    if (known?.generation === generation && known.prefix === prefix && known.depth === depth) {
      const keys = known.keys.deref();
      if (keys) return keys.slice();
    }
    const list = native.keys(table, mount.id, prefix, depth, false, request);
    const keys = toKeys(list === PENDING ? await pending(undefined, mount.owner.ask) : list);
    settle();
    if (generation >= 0) {
      listings.set(mount.id, { generation, prefix, depth, keys: new WeakRef(keys) });
      return keys.slice();
    }
    return keys;
  };

  /** The full keys of a JavaScript driver under `prefix` that no longer mount answers. */
  const listScripted = async (mount, prefix, longer, options) => {
    const keys = await keysOf(mount, prefix, longer, options);
    return keys.filter((key) => !key.endsWith("$"));
  };

  /** As `listScripted`, with the keys that end in `$`. `all`: what the driver is asked for where the base is the whole mount. */
  const keysOf = async (mount, prefix, longer, options, all) => {
    const relativeBase = prefix.length > mount.base.length ? prefix.slice(mount.base.length) : all;
    const keys = await call(mount, "getKeys", relativeBase, options);
    const list = typeof keys?.[Symbol.iterator] === "function" ? [...keys] : undefined;
    // As for unstorage, null and undefined are empty keys.
    if (!list?.every((key) => typeof (key ?? "") === "string")) {
      const cause = `the driver's getKeys gave ${list ? "what is no key" : "no list"}`;
      throw storageError("INVALID_VALUE", nameOf(mount.driver), "getKeys", prefix, cause);
    }
    return list
      .map((key) => mount.base + normalizeKey(key))
      .filter((key) => key.startsWith(prefix) && !longer.some(({ base }) => key.startsWith(base)));
  };

  const clearNative = async (mount, prefix, request) => {
    const gone = native.clear(table, mount.id, prefix, watcher.active, request);
    const [keys, failure] = gone === PENDING ? await pending(undefined, mount.owner.ask) : [gone];
    settle();
    if (watcher.active) for (const key of toKeys(keys)) changed("remove", key, mount.driver);
    if (failure) rethrow(failure);
  };

  const clearScripted = async (mount, prefix, longer, options) => {
    const { driver } = mount;
    const whole = prefix.length <= mount.base.length;
    if (!driver.clear && !driver.removeItem) return;
    const listed = !whole || !driver.clear || (watcher.active && !driver.watch);
    const keys = listed ? await keysOf(mount, prefix, whole ? [] : longer, options, "") : [];
    if (whole && driver.clear) {
      await call(mount, "clear", undefined, options);
    } else if (driver.removeItem) {
      // A storage as a driver hides the keys that end in `$`, and removes them if told so.
      const withMeta = { ...options, removeMeta: true };
      await Promise.all(
        keys.map((key) => call(mount, "removeItem", key.slice(mount.base.length), withMeta)),
      );
    }
    for (const key of keys) changed("remove", key, driver);
  };

  return {
    /** The mount's full keys under `prefix`. */
    keys: (mount, prefix, longer, options) =>
      mount.owner
        ? listNative(mount, prefix, depthOf(options?.maxDepth), requestOf(options))
        : listScripted(mount, prefix, longer, options),

    /** Removes what the mount has under `prefix`. */
    clear: (mount, prefix, longer, options) =>
      mount.owner
        ? clearNative(mount, prefix, requestOf(options))
        : clearScripted(mount, prefix, longer, options),

    /** Forgets the lists that were kept: mounts hide each other's keys. */
    mountsChanged: () => listings.clear(),
  };
}
