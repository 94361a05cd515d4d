// Generated from js/builtin-drivers.js by scripts/generate.js. The driver is unstorage's.
import { borrowedDriver } from "../borrowed-driver.js";
import { builtinDriverDependencies } from "../builtin-drivers.js";

const azureStorageBlob = borrowedDriver("azure-storage-blob");
export { azureStorageBlob as default, azureStorageBlob as "module.exports" };
export const DRIVER_DEPENDENCIES = builtinDriverDependencies["azure-storage-blob"];
