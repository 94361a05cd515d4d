// Generated from js/builtin-drivers.js by scripts/generate.js.
import type { Driver, DriverDependencies } from "../../index.js";

export type AzureStorageTableOptions = Record<string, any>;

/** The driver is unstorage's, which has to be installed for it; its documentation has the options. */
declare const azureStorageTable: (options?: AzureStorageTableOptions) => Driver;
export default azureStorageTable;
export declare const DRIVER_DEPENDENCIES: DriverDependencies;
export { azureStorageTable as "module.exports" };
