// Generated from js/builtin-drivers.js by scripts/generate.js.
import type { Driver } from "../../index.js";

export type CloudflareR2Options = Record<string, any>;

/** The driver is unstorage's, which has to be installed for it; its documentation has the options. */
declare const cloudflareR2Binding: (options?: CloudflareR2Options) => Driver;
export default cloudflareR2Binding;
export { cloudflareR2Binding as "module.exports" };
