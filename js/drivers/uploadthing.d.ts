// Generated from js/builtin-drivers.js by scripts/generate.js.
import type { Driver, DriverDependencies } from "../../index.js";

export type UploadThingOptions = Record<string, any>;

/** The driver is unstorage's, which has to be installed for it; its documentation has the options. */
declare const uploadthing: (options?: UploadThingOptions) => Driver;
export default uploadthing;
export declare const DRIVER_DEPENDENCIES: DriverDependencies;
export { uploadthing as "module.exports" };
