// Generated from js/builtin-drivers.js by scripts/generate.js. The driver is unstorage's.
import { borrowedDriver } from "../borrowed-driver.js";

const cloudflareCacheBinding = borrowedDriver("cloudflare-cache-binding");
export { cloudflareCacheBinding as default, cloudflareCacheBinding as "module.exports" };
