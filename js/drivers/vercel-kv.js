// Generated from js/builtin-drivers.js by scripts/generate.js. The driver is unstorage's.
import { borrowedDriver } from "../borrowed-driver.js";
import { builtinDriverDependencies } from "../builtin-drivers.js";

const vercelKv = borrowedDriver("vercel-kv");
export { vercelKv as default, vercelKv as "module.exports" };
export const DRIVER_DEPENDENCIES = builtinDriverDependencies["vercel-kv"];
