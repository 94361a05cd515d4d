// Generated from js/builtin-drivers.js by scripts/generate.js.
import type { Driver, DriverDependencies } from "../../index.js";

export type AzureKeyVaultOptions = Record<string, any>;

/** The driver is unstorage's, which has to be installed for it; its documentation has the options. */
declare const azureKeyVault: (options?: AzureKeyVaultOptions) => Driver;
export default azureKeyVault;
export declare const DRIVER_DEPENDENCIES: DriverDependencies;
export { azureKeyVault as "module.exports" };
