// Generated from js/builtin-drivers.js by scripts/generate.js.
import type { Driver, DriverDependencies } from "../../index.js";

export type PlanetscaleDriverOptions = Record<string, any>;

/** The driver is unstorage's, which has to be installed for it; its documentation has the options. */
declare const planetscale: (options?: PlanetscaleDriverOptions) => Driver;
export default planetscale;
export declare const DRIVER_DEPENDENCIES: DriverDependencies;
export { planetscale as "module.exports" };
