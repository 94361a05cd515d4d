// Generated from js/builtin-drivers.js by scripts/generate.js.
import type { Driver, DriverDependencies } from "../../index.js";

export type MongoDbOptions = Record<string, any>;

/** The driver is unstorage's, which has to be installed for it; its documentation has the options. */
declare const mongodb: (options?: MongoDbOptions) => Driver;
export default mongodb;
export declare const DRIVER_DEPENDENCIES: DriverDependencies;
export { mongodb as "module.exports" };
