/**
 * Drivers that are not native here, and so are unstorage's: the app's own unstorage goes before the one beside this package.
 * They are loaded by `require`, which gives what it loads at once.
 */
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { RUNTIMES, builtinDriverDependencies, builtinDrivers } from "./builtin-drivers.js";
import { storageError } from "./errors.js";

/** The factory of a driver, which is looked for when it is called. */
export function borrowedDriver(name) {
  const factory = (options) => findDriver(name)()(options);
  return Object.defineProperty(factory, "name", { value: name });
}

/** Finds the module of a driver now, and gives what loads its factory. `mount` is what errors call it. */
export function findDriver(name, mount, rootDir = ".") {
  const id = builtinDrivers[name];
  const refuseFor = (error, cause = whyNot(name, error)) => {
    const refused = storageError("INVALID_OPTIONS", name, "create", mount, cause);
    throw Object.assign(refused, { cause: error });
  };
  const { require, path } = find(id, rootDir, refuseFor);
  return () => {
    try {
      const module = require(path);
      return module.default ?? module;
    } catch (error) {
      return refuseFor(error);
    }
  };
}

function find(id, rootDir, refuseFor) {
  const requires = [join(resolve(rootDir), "package.json"), import.meta.url].map(createRequire);
  if (requires.some(isReplaced)) {
    refuseFor(undefined, "the driver is unstorage's, and rustorage is installed in its place");
  }
  let failure;
  for (const require of requires) {
    try {
      return { require, path: require.resolve(id) };
    } catch (error) {
      failure ??= error;
    }
  }
  const cause =
    "the driver is unstorage's, and the version that is installed has none of this name";
  return refuseFor(failure, requires.some(hasUnstorage) ? cause : undefined);
}

/** Whether an override gives this package to whoever asks for unstorage; unstorage itself shows no package.json. */
function isReplaced(require) {
  try {
    return require("unstorage/package.json").name === "rustorage";
  } catch {
    return false;
  }
}

function hasUnstorage(require) {
  try {
    return require.resolve("unstorage") !== "";
  } catch {
    return false;
  }
}

function whyNot(name, error) {
  const id = builtinDrivers[name];
  if (error.code === "ERR_REQUIRE_ESM") {
    return `this Node cannot load ${id} by its name: import it, and give its factory as \`driver\``;
  }
  const runtime = RUNTIMES[id.slice("unstorage/drivers/".length)];
  if (runtime) return `the driver is unstorage's, and works in ${runtime} only`;
  const needed = Object.values(builtinDriverDependencies[name] ?? {});
  const names = needed.filter(({ optional }) => !optional).map((dependency) => dependency.name);
  return `the driver is unstorage's: install ${["unstorage", ...names].join(" and ")}`;
}
