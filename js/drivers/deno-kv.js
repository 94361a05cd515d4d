// Generated from js/builtin-drivers.js by scripts/generate.js. The driver is unstorage's.
import { borrowedDriver } from "../borrowed-driver.js";

const denoKv = borrowedDriver("deno-kv");
export { denoKv as default, denoKv as "module.exports" };
