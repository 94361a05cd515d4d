/** The mounts of a Nitro config: which of them are native here, and those that every app has. */
import { resolve } from "node:path";
import { builtinDrivers } from "../builtin-drivers.js";
import { DATA_DRIVERS, dataMount } from "../data-mount.js";
import { storageError } from "../errors.js";
import { MOUNT, hasVariables } from "../runtime-options.js";
import { borrowedName, isInstalled, lateModule } from "./late-modules.js";

/** The drivers here that unstorage has too, and needs nothing else for. */
const NEED_NO_CLIENT = [
  "cloudflare-kv-http",
  "fs",
  "fs-lite",
  "github",
  "http",
  "memory",
  "null",
  "overlay",
];

const folder = new URL("../drivers/", import.meta.url).href;

/** What a driver of ours is imported from, whichever of its names a config has for it; undefined for any other driver. */
export function nativeImport(driver) {
  if (typeof driver !== "string") return undefined;
  const [, name = driver] =
    /^(?:unstorage|rustorage)\/drivers\/([\w-]+)$/.exec(driver) ??
    (driver.startsWith(folder) ? /([\w-]+)\.js$/.exec(driver) : null) ??
    [];
  const target = Object.hasOwn(builtinDrivers, name) ? builtinDrivers[name] : undefined;
  return target?.startsWith("rustorage/") ? target : undefined;
}

/** What a module of ours is imported from whose driver is unstorage's; undefined for any other module. */
export function borrowedImport(id) {
  return id.startsWith("rustorage/drivers/") ? builtinDrivers[borrowedName(id)] : undefined;
}

/** The file of one of our drivers. */
function driverFile(target) {
  return `${folder}${target.slice("rustorage/drivers/".length)}.js`;
}

/** What redis has been written with under Nitro 2, and is read with beside it. */
export const OF_UNSTORAGE_1 = { legacyRaw: true };

/**
 * Native mounts import our drivers by themselves, others what makes their drivers late, and all know which mount they are. `version` is Nitro's. A mount that could
 * not work ends the build, but not a development server, which would not be there for the mended config.
 */
export async function claimMounts(options, logger, version) {
  for (const mounts of [options.storage, options.devStorage]) {
    for (const [name, mount] of Object.entries(mounts ?? {})) {
      const target = nativeImport(mount?.driver);
      const usual = version === 2 && target === "rustorage/drivers/redis" && OF_UNSTORAGE_1;
      const claim = (driver) => (mounts[name] = { ...usual, ...mount, driver, [MOUNT]: name });
      try {
        if (target) await checkOptions(target, claim(target));
        else {
          checkDriver(mount?.driver, name, options);
          claim(lateModule(mount.driver, options, version));
        }
      } catch (error) {
        if (!options.dev) throw error;
        logger.error(error.message);
      }
    }
  }
}

/** Makes the driver as the server will when it starts; nothing comes of that before its first call. */
async function checkOptions(target, mount) {
  let factory;
  try {
    ({ default: factory } = await import(driverFile(target)));
  } catch (error) {
    // This machine builds for another.
    if (error.code?.startsWith("ADDON_")) return;
    throw error;
  }
  factory(mount);
}

/** Nitro takes a name that it does not know for a module, and the server that imports it would not start. */
function checkDriver(driver, mount, { alias = {}, virtual = {}, rootDir }) {
  const refuse = (cause) => {
    throw storageError("INVALID_OPTIONS", "none", "build", mount, cause);
  };
  if (typeof driver !== "string" || driver === "") refuse("a mount is an object with a `driver`");
  // Only what cannot be a path, a module of an alias, or one that another module of Nitro makes.
  const isName = /^[\w-]+$/.test(driver) && !Object.hasOwn(builtinDrivers, driver);
  const isModule = [alias, virtual].some((modules) => Object.hasOwn(modules, driver));
  if (!isName || isModule || isInstalled(driver, rootDir)) return;
  const names = Object.keys(builtinDrivers).filter((name) => !/[A-Z]/.test(name));
  const known = names.map((name) => `\`${name}\``).join(", ");
  refuse(`unknown driver ${JSON.stringify(driver)}, expected a module or one of ${known}`);
}

/** Says of which mounts the options have variables, where nobody replaces them. */
export function warnOfVariables({ storage, devStorage }, logger) {
  const entries = [storage, devStorage].flatMap((mounts) => Object.entries(mounts ?? {}));
  const found = entries.filter(([, mount]) => hasVariables(mount));
  if (found.length === 0) return;
  const names = new Set(found.map(([name]) => `\`${name}\``));
  logger.warn(
    `[rustorage] Here {{VAR}} is not read from the environment: it stays as it stands in the options of ${[...names].join(", ")}.`,
  );
}

/** The mounts, with a file for the driver where unstorage would need a client for it, or does not have it. */
export function hideClients(mounts = {}) {
  return Object.fromEntries(
    Object.entries(mounts).map(([name, mount]) => {
      const target = nativeImport(mount?.driver);
      const hidden = target && !NEED_NO_CLIENT.some((driver) => target.endsWith(`/${driver}`));
      // Nitro 2 makes the driver while it builds, where the environment is another.
      return [name, hidden ? { ...mount, driver: driverFile(target), [MOUNT]: name } : mount];
    }),
  );
}

/** Undoes `hideClients`: the drivers are unstorage's again, also where the config has them by our names. */
export function revealClients({ storage, devStorage }) {
  for (const mounts of [storage, devStorage]) {
    for (const mount of Object.values(mounts ?? {})) {
      const { driver } = mount ?? {};
      if (![folder, "rustorage/drivers/"].some((start) => driver?.startsWith?.(start))) continue;
      const target = borrowedImport(driver) ?? nativeImport(driver);
      if (target) mount.driver = target.replace(/^\w+\/drivers\//, "");
      delete mount[MOUNT];
    }
  }
}

/** What stands under `rustorage` in a config. */
const CONFIG_FIELDS = ["data", "defaultMounts"];

/** A misspelt option would have no effect, and nobody would know. */
export function checkConfig({ rustorage = {} }) {
  for (const option of Object.keys(rustorage)) {
    if (CONFIG_FIELDS.includes(option)) continue;
    const known = CONFIG_FIELDS.map((name) => `\`${name}\``).join(", ");
    const cause = `unknown option \`rustorage.${option}\`, expected one of ${known}`;
    throw storageError("INVALID_OPTIONS", "none", "build", undefined, cause);
  }
}

/** Mounts `data` over what `rustorage.data` says, in the place of the mount that Nitro 2 has by itself. */
export function placeData({ dev, rootDir, storage, devStorage, rustorage: { data } = {} }) {
  if (data === undefined) return;
  const refuse = (cause) => {
    throw storageError("INVALID_OPTIONS", "none", "build", "data", cause);
  };
  if (!DATA_DRIVERS.includes(data)) {
    const known = DATA_DRIVERS.map((name) => `\`${name}\``).join(", ");
    refuse(`\`rustorage.data\` must be one of ${known}`);
  }
  const place = dev ? resolve(rootDir, ".data/kv") : "./.data/kv";
  const isOfNitro = ({ driver, base, ...more }) =>
    ["fs", "fsLite", "fs-lite"].includes(driver) &&
    base === place &&
    Object.keys(more).length === 0;
  if ([storage.data, devStorage.data].some((mount) => mount !== undefined && !isOfNitro(mount))) {
    refuse("the mount `data` is in `storage` already, so `rustorage.data` has no effect");
  }
  if (dev) devStorage.data = dataMount(data, place);
  else storage.data = dataMount(data, place);
}

/** The mounts that Nitro 2 has by itself and Nitro's documentation promises. */
export function addDefaultMounts(options) {
  const { rootDir, buildDir, serverDir, storage, devStorage } = options;
  const inDevelopment = {
    root: { driver: "fs", readOnly: true, base: resolve(rootDir) },
    src: { driver: "fs", readOnly: true, base: resolve(rootDir, serverDir || ".") },
    build: { driver: "fs", base: resolve(rootDir, buildDir) },
    cache: { driver: "fs", base: resolve(rootDir, buildDir, "cache") },
  };
  for (const [name, mount] of Object.entries(inDevelopment)) {
    if (storage[name] === undefined) devStorage[name] ??= mount;
  }
  if (storage.data === undefined && devStorage.data === undefined) {
    if (options.dev) devStorage.data = { driver: "fs", base: resolve(rootDir, ".data/kv") };
    else storage.data = { driver: "fs-lite", base: "./.data/kv" };
  }
}
