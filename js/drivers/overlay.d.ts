import type { Driver } from "../../index.js";

export interface OverlayOptions {
  /** The drivers, the one to write first. */
  layers: Driver[];
}

declare const overlay: (options: OverlayOptions) => Driver<OverlayOptions, unknown>;
export default overlay;
export { overlay as "module.exports" };
