// Generated from js/builtin-drivers.js by scripts/generate.js. The driver is unstorage's.
import { borrowedDriver } from "../borrowed-driver.js";

const cloudflareKvHttp = borrowedDriver("cloudflare-kv-http");
export { cloudflareKvHttp as default, cloudflareKvHttp as "module.exports" };
