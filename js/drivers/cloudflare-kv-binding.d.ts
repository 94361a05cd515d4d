// Generated from js/builtin-drivers.js by scripts/generate.js.
import type { Driver } from "../../index.js";

export type KVOptions = Record<string, any>;

/** The driver is unstorage's, which has to be installed for it; its documentation has the options. */
declare const cloudflareKvBinding: (options?: KVOptions) => Driver;
export default cloudflareKvBinding;
export { cloudflareKvBinding as "module.exports" };
