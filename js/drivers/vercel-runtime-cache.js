// Generated from js/builtin-drivers.js by scripts/generate.js. The driver is unstorage's.
import { borrowedDriver } from "../borrowed-driver.js";
import { builtinDriverDependencies } from "../builtin-drivers.js";

const vercelRuntimeCache = borrowedDriver("vercel-runtime-cache");
export { vercelRuntimeCache as default, vercelRuntimeCache as "module.exports" };
export const DRIVER_DEPENDENCIES = builtinDriverDependencies["vercel-runtime-cache"];
