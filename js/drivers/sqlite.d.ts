// Generated from the driver's Rust struct by scripts/generate.js.
import type { CommonDriverOptions, Driver } from "../../index.js";

export interface SqliteOptions extends CommonDriverOptions {
  /** Milliseconds that a write waits for other processes which write. Default: `5000`. */
  busyTimeout?: number | undefined;
  /** The database's file; relative to the working directory. It is made if it is not there, with its folder. Required. */
  path?: string | undefined;
  /** Writes, removals and clear do nothing, and neither the file nor the table is made. Default: `false`. */
  readOnly?: boolean | undefined;
  /**
   * When a write is answered. `full` (the default): when it is on the disk. `normal`: when the system has it; the end of the
   * system (not of the process) can undo the last commits. `none`: the same, and the end of the system can leave a file that
   * cannot be read any more.
   */
  sync?: ("full" | "normal" | "none") | undefined;
  /** The table that holds the items. It is made if it is not there. Default: `"unstorage"`. */
  tableName?: string | undefined;
  /** Life of items that are written without a `ttl` of their own, in seconds; 0 for none. Default: `0`. */
  ttl?: number | undefined;
}

declare const sqlite: (options?: SqliteOptions) => Driver<SqliteOptions, unknown>;
export default sqlite;
export { sqlite as "module.exports" };
