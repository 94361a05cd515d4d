import type { CommonDriverOptions, Driver } from "../../index.js";

/** As much of a database of db0's as the driver looks at. */
export interface Db0Database {
  readonly dialect: string;
  exec(sql: string): unknown;
  prepare(sql: string): any;
  getInstance?(): any;
  dispose?(): unknown;
}

export interface Db0Options<
  Database extends Db0Database = Db0Database,
> extends CommonDriverOptions {
  /** What db0's `createDatabase` gives. */
  database: Database;
  /** Default: `"unstorage"`. */
  tableName?: string | undefined;
  /** Life of items that are written without a `ttl` of their own, in seconds; 0 for none. SQLite and libSQL alone keep it. Default: `0`. */
  ttl?: number | undefined;
  /**
   * Take the SQLite file over: the connection of better-sqlite3 or node:sqlite is closed, and the file opened as by the driver sqlite. For a database that nothing
   * else in the process uses. Default: `false`.
   */
  native?: boolean | undefined;
}

/** The name that unstorage has for them. */
export type DB0DriverOptions = Db0Options;

declare const db0: <Database extends Db0Database>(
  options: Db0Options<Database>,
) => Driver<Db0Options<Database>, Database>;
export default db0;
export declare const DRIVER_DEPENDENCIES: {
  database: { name: string; version: string };
};
export { db0 as "module.exports" };
