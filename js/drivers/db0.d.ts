// Generated from js/builtin-drivers.js by scripts/generate.js.
import type { Driver, DriverDependencies } from "../../index.js";

/** The driver is unstorage's, which has to be installed for it; its documentation has the options. */
declare const db0: (options?: Record<string, any>) => Driver;
export default db0;
export declare const DRIVER_DEPENDENCIES: DriverDependencies;
export { db0 as "module.exports" };
