/** The drivers that keep files: fs and fs-lite. */
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { storageError } from "./errors.js";
import { createNativeDriver, tableOf } from "./native-driver.js";
import { INVALID, native, pending, startWatch } from "./native.js";
import { isRecord } from "./runtime-options.js";

export function fs(options = {}) {
  return createFileDriver("fs", options, { watches: true });
}

export function fsLite(options = {}) {
  return createFileDriver("fs-lite", options);
}

function createFileDriver(name, options, { watches = false } = {}) {
  return createNativeDriver(name, options, {
    prepare: (settings) =>
      isRecord(settings) ? { ...settings, base: toPath(settings.base) } : settings,
    ask: typeof options?.ignore === "function" ? options.ignore : undefined,
    toMeta,
    methods: (owner) => ({
      getKeys: async (base, settings) =>
        (await owner.items.getKeys(base, settings)).map(toRelative),
      getMeta(key) {
        if (native.meta(tableOf(owner), key) === INVALID) {
          throw storageError("INVALID_KEY", name, "getMeta", key, "the key must be a string");
        }
        return pending(toMeta);
      },
      ...(watches && watchMethods(owner)),
    }),
  });
}

/** An absolute path, as unstorage has it in `driver.options`; what is no path is refused by the addon. */
function toPath(base) {
  if (base instanceof URL) return fileURLToPath(base);
  return typeof base === "string" && base !== "" ? resolve(base) : base;
}

/** unstorage's drivers answer whoever calls them by themselves with paths. */
function toRelative(key) {
  return key.replaceAll(":", "/");
}

/** One watcher, however many callbacks there are. */
function watchMethods(owner) {
  let listeners = new Set();
  /** The promise of what stops the watcher. */
  let running;

  const start = () => {
    const told = listeners;
    tableOf(owner);
    return startWatch(owner, (event, key) => {
      for (const { callback } of told) {
        try {
          callback(event, toRelative(key));
        } catch (error) {
          // It is nobody's call that fails, and the other callbacks have to hear of the change.
          queueMicrotask(() => {
            throw error;
          });
        }
      }
    });
  };

  const stop = async () => {
    const stopping = running;
    running = undefined;
    listeners = new Set();
    const end = await stopping?.catch(() => undefined);
    await end?.();
  };

  return {
    async watch(callback) {
      const listener = { callback };
      const joined = listeners.add(listener);
      running ??= start();
      try {
        await running;
      } catch (error) {
        if (joined === listeners) await stop();
        throw error;
      }
      return async () => {
        if (joined.delete(listener) && joined.size === 0 && joined === listeners) await stop();
      };
    },
    dispose: stop,
  };
}

/** The fields of a file's metadata; all are undefined for what is not there. */
function toMeta(numbers) {
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
