// Generated from js/builtin-drivers.js by scripts/generate.js.
import type { Driver, DriverDependencies } from "../../index.js";

export type AzureStorageBlobOptions = Record<string, any>;

/** The driver is unstorage's, which has to be installed for it; its documentation has the options. */
declare const azureStorageBlob: (options?: AzureStorageBlobOptions) => Driver;
export default azureStorageBlob;
export declare const DRIVER_DEPENDENCIES: DriverDependencies;
export { azureStorageBlob as "module.exports" };
