// Generated from js/builtin-drivers.js by scripts/generate.js.
import type { Driver } from "../../index.js";

export type LocalStorageOptions = Record<string, any>;

/** The driver is unstorage's, which has to be installed for it; its documentation has the options. */
declare const localstorage: (options?: LocalStorageOptions) => Driver;
export default localstorage;
export { localstorage as "module.exports" };
