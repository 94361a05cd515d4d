// Generated from js/builtin-drivers.js by scripts/generate.js. The driver is unstorage's.
import { borrowedDriver } from "../borrowed-driver.js";
import { builtinDriverDependencies } from "../builtin-drivers.js";

const azureCosmos = borrowedDriver("azure-cosmos");
export { azureCosmos as default, azureCosmos as "module.exports" };
export const DRIVER_DEPENDENCIES = builtinDriverDependencies["azure-cosmos"];
