// Generated from js/builtin-drivers.js by scripts/generate.js.
import type { Driver } from "../../index.js";

export type SessionStorageOptions = Record<string, any>;

/** The driver is unstorage's, which has to be installed for it; its documentation has the options. */
declare const sessionStorage: (options?: SessionStorageOptions) => Driver;
export default sessionStorage;
export { sessionStorage as "module.exports" };
