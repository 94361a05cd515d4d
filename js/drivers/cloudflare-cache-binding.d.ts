// Generated from js/builtin-drivers.js by scripts/generate.js.
import type { Driver } from "../../index.js";

export type CacheOptions = Record<string, any>;

/** The driver is unstorage's, which has to be installed for it; its documentation has the options. */
declare const cloudflareCacheBinding: (options?: CacheOptions) => Driver;
export default cloudflareCacheBinding;
export { cloudflareCacheBinding as "module.exports" };
