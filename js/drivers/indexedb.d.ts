// Generated from js/builtin-drivers.js by scripts/generate.js.
import type { Driver, DriverDependencies } from "../../index.js";

export type IDBKeyvalOptions = Record<string, any>;

/** The driver is unstorage's, which has to be installed for it; its documentation has the options. */
declare const indexedb: (options?: IDBKeyvalOptions) => Driver;
export default indexedb;
export declare const DRIVER_DEPENDENCIES: DriverDependencies;
export { indexedb as "module.exports" };
