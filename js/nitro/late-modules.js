/** Modules that stand for the drivers of a Nitro config that are not native, and read their options when the server runs. */
import { createRequire } from "node:module";
import { basename, extname, join } from "node:path";
import { builtinDriverDependencies, builtinDrivers } from "../builtin-drivers.js";

const PREFIX = "#rustorage/driver/";

/** The name of a driver that is unstorage's, whichever a config has for it; undefined for any other driver. */
export function borrowedName(driver) {
  const [, name = driver] = /^(?:unstorage|rustorage)\/drivers\/([\w-]+)$/.exec(driver) ?? [];
  const isBorrowed =
    Object.hasOwn(builtinDrivers, name) && builtinDrivers[name].startsWith("unstorage/");
  return isBorrowed ? name : undefined;
}

/**
 * Makes such a module for a driver, as Nitro takes it in the driver's place. `version` is Nitro's: that of 3 hands the clients that are installed to
 * unstorage's drivers, by the drivers' names, which the module hides from it.
 */
export function lateModule(driver, { virtual, rootDir }, version) {
  if (driver.startsWith(PREFIX)) return driver;
  const name = borrowedName(driver);
  const clients = name && version === 3 ? installedClients(name, rootDir) : [];
  const source = `
import { configDriver } from "rustorage";
import factory from ${JSON.stringify(name ? builtinDrivers[name] : driver)};

const clients = { ${clients.join(", ")} };

export default ({ driver, ...options }) =>
  configDriver(${JSON.stringify(name ?? basename(driver, extname(driver)))}, { ...clients, ...options }, () => factory, ${name !== undefined});
`;
  const known = Object.keys(virtual).filter((id) => id.startsWith(PREFIX));
  const id = known.find((made) => virtual[made] === source) ?? `${PREFIX}${known.length}`;
  virtual[id] = source;
  return id;
}

function installedClients(driver, rootDir) {
  return Object.entries(builtinDriverDependencies[driver] ?? {})
    .filter(([, client]) => isInstalled(client.name, rootDir))
    .map(([option, client]) => {
      return `${option}: () => import(${JSON.stringify(client.import ?? client.name)})`;
    });
}

export function isInstalled(name, rootDir) {
  try {
    createRequire(join(rootDir, "package.json")).resolve(name);
    return true;
  } catch (error) {
    // Such a package has no entry for `require`, and may have one for `import`.
    return error.code !== "MODULE_NOT_FOUND";
  }
}
