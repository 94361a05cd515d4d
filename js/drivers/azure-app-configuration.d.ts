// Generated from js/builtin-drivers.js by scripts/generate.js.
import type { Driver, DriverDependencies } from "../../index.js";

export type AzureAppConfigurationOptions = Record<string, any>;

/** The driver is unstorage's, which has to be installed for it; its documentation has the options. */
declare const azureAppConfiguration: (options?: AzureAppConfigurationOptions) => Driver;
export default azureAppConfiguration;
export declare const DRIVER_DEPENDENCIES: DriverDependencies;
export { azureAppConfiguration as "module.exports" };
