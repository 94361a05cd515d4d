// Generated from js/builtin-drivers.js by scripts/generate.js. The driver is unstorage's.
import { borrowedDriver } from "../borrowed-driver.js";
import { builtinDriverDependencies } from "../builtin-drivers.js";

const denoKvNode = borrowedDriver("deno-kv-node");
export { denoKvNode as default, denoKvNode as "module.exports" };
export const DRIVER_DEPENDENCIES = builtinDriverDependencies["deno-kv-node"];
