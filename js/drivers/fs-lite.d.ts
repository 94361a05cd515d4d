// Generated from the driver's Rust struct by scripts/generate.js.
import type { CommonDriverOptions, Driver } from "../../index.js";

export interface FsLiteOptions extends CommonDriverOptions {
  /**
   * Write to a temporary file and rename it, so that neither a reader nor a crash meets half a value. `false` writes in
   * place. Default: `true`.
   */
  atomic?: boolean | undefined;
  /** The folder that holds the items; relative to the working directory. Required. */
  base?: string | undefined;
  /** Permissions of new folders, less the process's umask. Default: `0o777`. */
  dirMode?: number | undefined;
  /** Answer a write only when the value and its name are on the disk, so that it survives the end of the system. Default: `false`. */
  durable?: boolean | undefined;
  /** Follow symbolic links, out of base too. `false` refuses paths with one below base, and lists none. It needs Linux. Default: `true`. */
  followSymlinks?: boolean | undefined;
  /**
   * Whether the file or the folder at this absolute path is not listed, and with a folder all that it
   * holds.
   */
  ignore?: ((path: string) => boolean) | undefined;
  /** Permissions of new files, less the process's umask. Default: `0o666`. */
  mode?: number | undefined;
  /** clear does nothing. Default: `false`. */
  noClear?: boolean | undefined;
  /** Writes, removals and clear do nothing. Default: `false`. */
  readOnly?: boolean | undefined;
  /** Life of items that are written without a `ttl` of their own, in seconds; 0 for none. Default: `0`. */
  ttl?: number | undefined;
}
/** The name that unstorage has for them. */
export type FSStorageOptions = FsLiteOptions;

declare const fsLite: (options?: FsLiteOptions) => Driver<FsLiteOptions, unknown>;
export default fsLite;
export { fsLite as "module.exports" };
