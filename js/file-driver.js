/** The drivers that keep files: fs and fs-lite. */
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { borrowedDriver } from "./borrowed-driver.js";
import { ownsFiles } from "./builtin-drivers.js";
import { withoutIneffective } from "./ineffective-options.js";
import { createNativeDriver } from "./native-driver.js";
import { isRecord } from "./runtime-options.js";

export const fs = ownsFiles
  ? (options = {}) => createFileDriver("fs", options, { watches: true })
  : withFewerOptions("fs");

export const fsLite = ownsFiles
  ? (options = {}) => createFileDriver("fs-lite", options)
  : withFewerOptions("fs-lite");

/** unstorage's driver, on which some of the options have no effect. */
function withFewerOptions(name) {
  const names = ["atomic", "dirMode", "durable", "followSymlinks", "mode", "ttl"];
  const factory = borrowedDriver(name);
  return (options) => factory(withoutIneffective(name, options, names));
}

function createFileDriver(name, options, { watches = false } = {}) {
  return createNativeDriver(name, options, {
    prepare: (settings) =>
      isRecord(settings) ? { ...settings, base: toPath(settings.base) } : settings,
    ask: typeof options?.ignore === "function" ? options.ignore : undefined,
    toMeta,
    watches: watches ? toRelative : undefined,
    methods: (owner) => ({
      getKeys: async (base, settings) =>
        (await owner.items.getKeys(base, settings)).map(toRelative),
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
  const [atime, mtime, size, birthtime, ctime, life] = numbers;
  const date = (milliseconds) => new Date(milliseconds);
  return {
    atime: date(atime),
    mtime: date(mtime),
    size,
    birthtime: date(birthtime),
    ctime: date(ctime),
    // unstorage's fields, and no other, of what does not expire.
    ...(life > 0 && { ttl: life / 1000 }),
  };
}
