// Generated from js/builtin-drivers.js by scripts/generate.js.
import type { Driver, DriverDependencies } from "../../index.js";

export type VercelCacheOptions = Record<string, any>;

/** The driver is unstorage's, which has to be installed for it; its documentation has the options. */
declare const vercelRuntimeCache: (options?: VercelCacheOptions) => Driver;
export default vercelRuntimeCache;
export declare const DRIVER_DEPENDENCIES: DriverDependencies;
export { vercelRuntimeCache as "module.exports" };
