// Generated from js/builtin-drivers.js by scripts/generate.js.
import type { Driver, DriverDependencies } from "../../index.js";

export type AzureCosmosOptions = Record<string, any>;

/** The driver is unstorage's, which has to be installed for it; its documentation has the options. */
declare const azureCosmos: (options?: AzureCosmosOptions) => Driver;
export default azureCosmos;
export declare const DRIVER_DEPENDENCIES: DriverDependencies;
export { azureCosmos as "module.exports" };
