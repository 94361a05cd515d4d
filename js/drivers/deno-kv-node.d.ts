// Generated from js/builtin-drivers.js by scripts/generate.js.
import type { Driver, DriverDependencies } from "../../index.js";

export type DenoKvNodeOptions = Record<string, any>;

/** The driver is unstorage's, which has to be installed for it; its documentation has the options. */
declare const denoKvNode: (options?: DenoKvNodeOptions) => Driver;
export default denoKvNode;
export declare const DRIVER_DEPENDENCIES: DriverDependencies;
export { denoKvNode as "module.exports" };
