// Generated from js/builtin-drivers.js by scripts/generate.js. The driver is unstorage's.
import { borrowedDriver } from "../borrowed-driver.js";

const localstorage = borrowedDriver("localstorage");
export { localstorage as default, localstorage as "module.exports" };
