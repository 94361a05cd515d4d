// Generated from the driver's Rust struct by scripts/generate.js.
import type { CommonDriverOptions, Driver } from "../../index.js";

export interface FsOptions extends CommonDriverOptions {
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
   * Globs of what is neither listed nor watched, relative to base, as node's `path.matchesGlob` reads them; absolute
   * entries are prefixes of paths. By default what folders called `node_modules` and `.git` hold.
   */
  ignore?: string[] | undefined;
  /** Permissions of new files, less the process's umask. Default: `0o666`. */
  mode?: number | undefined;
  /** clear does nothing. Default: `false`. */
  noClear?: boolean | undefined;
  /** Writes, removals and clear do nothing. Default: `false`. */
  readOnly?: boolean | undefined;
  /** Life of items that are written without a `ttl` of their own, in seconds; 0 for none. Default: `0`. */
  ttl?: number | undefined;
  /** How `watch` goes about it. */
  watchOptions?:
    | {
        /**
         * Tell of a file only when its size has stayed the same for `stabilityThreshold` milliseconds (2000), looking every
         * `pollInterval` milliseconds (100).
         */
        awaitWriteFinish?:
          | (boolean | { stabilityThreshold?: number; pollInterval?: number })
          | undefined;
        /** How many folders below base are watched; 0 for the files in base alone. */
        depth?: number | undefined;
        /** Tell of no files that are there already. Default: `true`. */
        ignoreInitial?: boolean | undefined;
        /** Globs of what is not watched though it is listed, as `ignore` has them. */
        ignored?: (string | string[]) | undefined;
        /** Milliseconds from one look to the next, with `usePolling`. Default: `100`. */
        interval?: number | undefined;
        /** Look for changes again and again, where the system reports none: on network drives, say. Default: `false`. */
        usePolling?: boolean | undefined;
      }
    | undefined;
}
/** The name that unstorage has for them. */
export type FSStorageOptions = FsOptions;

declare const fs: (options?: FsOptions) => Driver<FsOptions, unknown>;
export default fs;
export declare const DRIVER_DEPENDENCIES: Record<string, never>;
export { fs as "module.exports" };
