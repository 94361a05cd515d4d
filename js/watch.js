/** A storage's watchers: drivers that watch by themselves report here, for the others the storage does. */
import { isStorageError, storageError } from "./errors.js";
import { normalizeKey } from "./keys.js";

export function createWatcher(mounts) {
  let listeners = [];
  /** What stops each mount's own watching. */
  const stops = new Map();
  let disposals = 0;

  const emit = (event, key) => {
    if (!watcher.active) return;
    const normalized = normalizeKey(key);
    for (const listener of listeners) listener(event, normalized);
  };

  const start = async (mount) => {
    if (!mount.driver.watch || stops.has(mount)) return;
    stops.set(mount, undefined);
    try {
      const stop = await mount.driver.watch((event, key) => emit(event, mount.base + key));
      // Unmounted or stopped meanwhile.
      if (stops.has(mount)) stops.set(mount, stop);
      else await stop?.();
    } catch (error) {
      stops.delete(mount);
      // The driver does not know where it is mounted.
      if (isStorageError(error)) error.key ??= mount.base;
      throw error;
    }
  };

  const stop = async (mount) => {
    const unwatch = stops.get(mount);
    stops.delete(mount);
    await unwatch?.();
  };

  const watcher = {
    active: false,
    emit,

    async add(listener) {
      if (typeof listener !== "function") {
        throw storageError(
          "INVALID_OPTIONS",
          "none",
          "watch",
          undefined,
          "a watcher is a function",
        );
      }
      if (!watcher.active) {
        watcher.active = true;
        const begun = disposals;
        try {
          for (const mount of mounts()) {
            if (disposals === begun) await start(mount);
          }
        } catch (error) {
          // The next watcher tries again.
          await watcher.stop();
          throw error;
        }
      }
      listeners.push(listener);
      return async () => {
        listeners = listeners.filter((known) => known !== listener);
        if (listeners.length === 0) await watcher.stop();
      };
    },

    async stop() {
      listeners = [];
      if (!watcher.active) return;
      for (const mount of stops.keys()) await stop(mount);
      watcher.active = false;
    },

    /** As the drivers end the watchers that they have, those that have not begun do not begin any more. */
    disposed() {
      disposals += 1;
    },

    added(mount) {
      // As nobody waits for a mount, nobody else could hear of the failure.
      if (watcher.active) start(mount).catch(console.error);
    },

    removed(mount) {
      stop(mount).catch(console.error);
    },
  };
  return watcher;
}
