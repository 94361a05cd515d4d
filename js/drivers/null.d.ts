import type { CommonDriverOptions, Driver } from "../../index.js";

declare const nullDriver: (options?: CommonDriverOptions) => Driver<undefined, unknown>;
export default nullDriver;
export { nullDriver as "module.exports" };
