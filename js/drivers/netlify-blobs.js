export { netlifyBlobs as default, netlifyBlobs as "module.exports" } from "../service-drivers.js";

/** unstorage's driver has to have a package installed, this one has not. */
export const DRIVER_DEPENDENCIES = {};
