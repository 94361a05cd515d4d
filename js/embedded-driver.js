/** The drivers over a database in a file: lmdb and sqlite. */
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { close, createNativeDriver } from "./native-driver.js";
import { isRecord } from "./runtime-options.js";

/** SQLite's name for what is no file. */
const IN_MEMORY = ":memory:";

/** The fields of an item's metadata that are moments. */
const MOMENTS = new Set(["birthtime", "mtime"]);

export function createEmbeddedDriver(name, options, more) {
  return createNativeDriver(name, options, {
    prepare: (settings) =>
      isRecord(settings) ? { ...settings, path: toPath(settings.path) } : settings,
    toMeta,
    methods: (owner) => ({ dispose: () => close(owner), ...more }),
  });
}

/** An absolute path; what is no path is refused by the addon. */
function toPath(path) {
  if (path instanceof URL) return fileURLToPath(path);
  return typeof path === "string" && path !== "" && path !== IN_MEMORY ? resolve(path) : path;
}

/** Fields come as a name and a value each. */
function toMeta(list) {
  const meta = {};
  for (let index = 0; index < list.length; index += 2) {
    const [name, value] = [list[index], list[index + 1]];
    if (name === "life") meta.ttl = value === undefined ? undefined : value / 1000;
    else meta[name] = MOMENTS.has(name) && value !== undefined ? new Date(value) : value;
  }
  return meta;
}
