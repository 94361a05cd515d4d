// Generated from the driver's Rust struct by scripts/generate.js.
import type { Driver } from "../../index.js";

export interface FsLiteOptions {
  /**
   * Write to a temporary file and rename it, so that neither a reader nor a crash meets half a value. `false` writes in
   * place. Default: `true`.
   */
  atomic?: boolean | undefined;
  /** The folder that holds the items; relative to the working directory. */
  base: string;
  /**
   * Globs of what is not listed, relative to base; absolute entries are prefixes of paths. By default `node_modules` and
   * `.git` in fs, nothing in fs-lite.
   */
  ignore?: string[] | undefined;
  /** clear does nothing. Default: `false`. */
  noClear?: boolean | undefined;
  /** Writes, removals and clear do nothing. Default: `false`. */
  readOnly?: boolean | undefined;
}

declare const fsLite: (options: FsLiteOptions) => Driver<FsLiteOptions, unknown>;
export default fsLite;
export { fsLite as "module.exports" };
