// Generated from js/builtin-drivers.js by scripts/generate.js. The driver is unstorage's.
import { borrowedDriver } from "../borrowed-driver.js";
import { builtinDriverDependencies } from "../builtin-drivers.js";

const azureStorageTable = borrowedDriver("azure-storage-table");
export { azureStorageTable as default, azureStorageTable as "module.exports" };
export const DRIVER_DEPENDENCIES = builtinDriverDependencies["azure-storage-table"];
