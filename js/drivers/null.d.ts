import type { Driver } from "../../index.js";

declare const nullDriver: () => Driver<undefined, unknown>;
export default nullDriver;
export { nullDriver as "module.exports" };
