import type { CommonDriverOptions, Driver } from "../../index.js";

export interface OverlayOptions extends CommonDriverOptions {
  /** The drivers, the one to write first. */
  layers: Driver[];
}

/** The name that unstorage has for them. */
export type OverlayStorageOptions = OverlayOptions;

declare const overlay: (options: OverlayOptions) => Driver<OverlayOptions, unknown>;
export default overlay;
export { overlay as "module.exports" };
