// Generated from js/builtin-drivers.js by scripts/generate.js. The driver is unstorage's.
import { borrowedDriver } from "../borrowed-driver.js";
import { builtinDriverDependencies } from "../builtin-drivers.js";

const uploadthing = borrowedDriver("uploadthing");
export { uploadthing as default, uploadthing as "module.exports" };
export const DRIVER_DEPENDENCIES = builtinDriverDependencies["uploadthing"];
