// Generated from js/builtin-drivers.js by scripts/generate.js. The driver is unstorage's.
import { borrowedDriver } from "../borrowed-driver.js";
import { builtinDriverDependencies } from "../builtin-drivers.js";

const db0 = borrowedDriver("db0");
export { db0 as default, db0 as "module.exports" };
export const DRIVER_DEPENDENCIES = builtinDriverDependencies["db0"];
