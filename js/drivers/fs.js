export { fs as default, fs as "module.exports" } from "../file-driver.js";

/** unstorage's driver has to have a package installed, this one has not. */
export const DRIVER_DEPENDENCIES = {};
