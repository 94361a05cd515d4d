// Generated from js/builtin-drivers.js by scripts/generate.js.
import type { Driver } from "../../index.js";

export type DenoKvOptions = Record<string, any>;

/** The driver is unstorage's, which has to be installed for it; its documentation has the options. */
declare const denoKv: (options?: DenoKvOptions) => Driver;
export default denoKv;
export { denoKv as "module.exports" };
