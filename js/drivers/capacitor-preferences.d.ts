// Generated from js/builtin-drivers.js by scripts/generate.js.
import type { Driver, DriverDependencies } from "../../index.js";

export type CapacitorPreferencesOptions = Record<string, any>;

/** The driver is unstorage's, which has to be installed for it; its documentation has the options. */
declare const capacitorPreferences: (options?: CapacitorPreferencesOptions) => Driver;
export default capacitorPreferences;
export declare const DRIVER_DEPENDENCIES: DriverDependencies;
export { capacitorPreferences as "module.exports" };
