// Generated from js/builtin-drivers.js by scripts/generate.js. The driver is unstorage's.
import { borrowedDriver } from "../borrowed-driver.js";

const cloudflareR2Binding = borrowedDriver("cloudflare-r2-binding");
export { cloudflareR2Binding as default, cloudflareR2Binding as "module.exports" };
