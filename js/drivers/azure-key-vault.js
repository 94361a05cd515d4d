// Generated from js/builtin-drivers.js by scripts/generate.js. The driver is unstorage's.
import { borrowedDriver } from "../borrowed-driver.js";
import { builtinDriverDependencies } from "../builtin-drivers.js";

const azureKeyVault = borrowedDriver("azure-key-vault");
export { azureKeyVault as default, azureKeyVault as "module.exports" };
export const DRIVER_DEPENDENCIES = builtinDriverDependencies["azure-key-vault"];
