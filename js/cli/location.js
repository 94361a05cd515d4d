/** What a command works on: a driver by its URL, or a mount of a config file. */
import { existsSync, realpathSync } from "node:fs";
import { findDriver } from "../borrowed-driver.js";
import { builtinDrivers } from "../builtin-drivers.js";
import nothing from "../drivers/null.js";
import { optionsNow } from "../native-driver.js";
import { OPTION_TYPES } from "../option-types.js";
import { fromEnv } from "../runtime-options.js";
import { storageOf } from "../storage-config.js";
import { readConfig } from "./config-file.js";
import { refuse } from "./refuse.js";

/** The option that stands in front of `?`, by driver. */
const PLACES = { fs: "base", "fs-lite": "base", lmdb: "path", sqlite: "path" };

/** The table of sqlite where none is named. */
const DEFAULT_TABLE = "unstorage";

/** Schemes that are a driver's whole URL, by what they name. */
const URLS = {
  redis: ["redis", "url"],
  rediss: ["redis", "url"],
  http: ["http", "base"],
  https: ["http", "base"],
};

/**
 * The driver at `location`. A database that is absent is `refused`, or `made`, or stands for an `empty` one and is not made. `reads`: nothing is
 * written, so that nothing is made in a file either.
 */
export async function open(location, { config, absent = "refused", reads = false } = {}) {
  const driver = await driverAt(location, config);
  const isReadOnly = optionsNow(driver).readOnly ?? driver.options?.readOnly;
  // To redis it says something else.
  if (!reads && isReadOnly && Object.hasOwn(PLACES, driver.name)) {
    refuse("the driver has `readOnly`, and would write nothing");
  }
  // Only databases are made by who opens them.
  const options = PLACES[driver.name] === "path" ? optionsNow(driver) : {};
  if (options.path === undefined) return driver;
  if (!existsSync(options.path) && absent !== "made") {
    return absent === "empty" ? nothing() : refuse(`there is no file ${options.path}`);
  }
  if (!reads) return driver;
  const { default: factory } = await import(builtinDrivers[driver.name]);
  return factory({ ...options, readOnly: true });
}

/** Refuses two drivers of one database: it cannot be open for reading alone and for writing. */
export function refuseSame(driver, other) {
  const [place, otherPlace] = [driver, other].map((one) => {
    const { path, tableName } = PLACES[one.name] === "path" ? optionsNow(one) : {};
    if (path === undefined || !existsSync(path)) return undefined;
    return JSON.stringify([realpathSync(path), tableName ?? DEFAULT_TABLE]);
  });
  if (place !== undefined && place === otherPlace) refuse("both locations are the same database");
}

async function driverAt(location, config) {
  const [, scheme, rest] = /^([a-z][\w-]*):(.*)$/is.exec(location) ?? [];
  if (scheme === undefined)
    refuse("a location is a driver's URL, such as `fs:./data`, or `mount:NAME` with --config");
  if (scheme === "mount") return mountOf(rest, config);
  const [name, options] = parse(scheme, rest, location);
  const module = builtinDrivers[name];
  const factory = module.startsWith("unstorage/")
    ? findDriver(name)()
    : (await import(module)).default;
  return factory(fromEnv(options));
}

function parse(scheme, rest, location) {
  if (Object.hasOwn(URLS, scheme) && rest.startsWith("//")) {
    const [name, option] = URLS[scheme];
    return [name, { [option]: location }];
  }
  if (!Object.hasOwn(builtinDrivers, scheme)) {
    const names = Object.keys(builtinDrivers).filter((name) => !/[A-Z]/.test(name));
    refuse(`there is no driver \`${scheme}\`, only ${names.join(", ")}`);
  }
  const [place, query = ""] = splitOnce(rest, "?");
  const options = place === "" ? {} : { [placeOf(scheme)]: place };
  for (const [option, text] of new URLSearchParams(query)) {
    options[option] = valueOf(text, OPTION_TYPES[scheme]?.[option]);
  }
  return [scheme, options];
}

function placeOf(scheme) {
  if (!Object.hasOwn(PLACES, scheme)) {
    refuse(
      `the driver \`${scheme}\` takes its options after \`?\`, as in \`${scheme}:?option=value\``,
    );
  }
  return PLACES[scheme];
}

function splitOnce(text, separator) {
  const at = text.indexOf(separator);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

/** Options of other types than text, by what the driver says of them. */
function valueOf(text, type) {
  if (type === "string") return text;
  try {
    const value = JSON.parse(text);
    return type === undefined && typeof value === "string" ? text : value;
  } catch {
    return text;
  }
}

async function mountOf(name, file) {
  if (file === undefined) refuse("`mount:` needs --config FILE");
  const storage = storageOf(await readConfig(file));
  const { base, driver } = storage.getMount(name);
  if (base !== `${name}:` && name !== "") refuse(`the config has no mount \`${name}\``);
  return driver;
}
