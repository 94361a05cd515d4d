// Generated from js/builtin-drivers.js by scripts/generate.js. The driver is unstorage's.
import { borrowedDriver } from "../borrowed-driver.js";
import { builtinDriverDependencies } from "../builtin-drivers.js";

const azureAppConfiguration = borrowedDriver("azure-app-configuration");
export { azureAppConfiguration as default, azureAppConfiguration as "module.exports" };
export const DRIVER_DEPENDENCIES = builtinDriverDependencies["azure-app-configuration"];
