import { createFileDriver } from "../file-driver.js";

export default function fs(options = {}) {
  return createFileDriver("fs", options, { watches: true });
}

/** unstorage's driver has to have a package installed, this one has not. */
export const DRIVER_DEPENDENCIES = {};
export { fs as "module.exports" };
