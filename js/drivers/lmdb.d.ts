// Generated from the driver's Rust struct by scripts/generate.js.
import type { CommonDriverOptions, Driver } from "../../index.js";

export interface LmdbOptions extends CommonDriverOptions {
  /** Bytes of address space to begin with. It grows by itself, and takes no room on the disk. Default: `1073741824`. */
  mapSize?: number | undefined;
  /**
   * The database's file; relative to the working directory. It is made if it is not there, with its folder, and a file of
   * the same name with `-lock` at its end beside it. Required.
   */
  path?: string | undefined;
  /** Writes, removals and clear do nothing, and the file is not made. Default: `false`. */
  readOnly?: boolean | undefined;
  /**
   * When a write is answered. `full` (the default): when it is on the disk. `no-meta`: when its pages are, but perhaps not
   * what makes them count; the end of the system (not of the process) can undo the last commit. `none`: when the system has
   * it; the end of the system can leave a file that cannot be read any more.
   */
  sync?: ("full" | "no-meta" | "none") | undefined;
  /** Life of items that are written without a `ttl` of their own, in seconds; 0 for none. Default: `0`. */
  ttl?: number | undefined;
}

declare const lmdb: (options?: LmdbOptions) => Driver<LmdbOptions, unknown>;
export default lmdb;
export { lmdb as "module.exports" };
