// Generated from js/builtin-drivers.js by scripts/generate.js. The driver is unstorage's.
import { borrowedDriver } from "../borrowed-driver.js";

const github = borrowedDriver("github");
export { github as default, github as "module.exports" };
