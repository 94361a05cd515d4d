// Generated from js/builtin-drivers.js by scripts/generate.js. The driver is unstorage's.
import { borrowedDriver } from "../borrowed-driver.js";

const sessionStorage = borrowedDriver("session-storage");
export { sessionStorage as default, sessionStorage as "module.exports" };
