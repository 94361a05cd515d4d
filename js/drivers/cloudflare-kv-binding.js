// Generated from js/builtin-drivers.js by scripts/generate.js. The driver is unstorage's.
import { borrowedDriver } from "../borrowed-driver.js";

const cloudflareKvBinding = borrowedDriver("cloudflare-kv-binding");
export { cloudflareKvBinding as default, cloudflareKvBinding as "module.exports" };
