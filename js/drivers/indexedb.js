// Generated from js/builtin-drivers.js by scripts/generate.js. The driver is unstorage's.
import { borrowedDriver } from "../borrowed-driver.js";
import { builtinDriverDependencies } from "../builtin-drivers.js";

const indexedb = borrowedDriver("indexedb");
export { indexedb as default, indexedb as "module.exports" };
export const DRIVER_DEPENDENCIES = builtinDriverDependencies["indexedb"];
