// Generated from the driver's Rust struct by scripts/generate.js.
import type { CommonDriverOptions, Driver, RedisConnection } from "../../index.js";

export interface RedisOptions extends CommonDriverOptions {
  /** What the keys of all items start with, before a colon. Default: `""`. */
  base?: string | undefined;
  /**
   * Some servers of a cluster, each with `host` and `port`, or as a URL; they tell of the others. What all URLs say of login and
   * encryption is for all servers. Instead of all options above.
   */
  cluster?:
    | ({ host?: string | undefined; port?: number | string | undefined } | string | number)[]
    | undefined;
  /**
   * What ioredis takes for a cluster: `redisOptions` (options as here, for each server), `maxRedirections`, `keyPrefix`, `natMap` and
   * `enableOfflineQueue`. JavaScript puts them among the other options.
   */
  clusterOptions?:
    | {
        redisOptions?: RedisOptions | undefined;
        maxRedirections?: number | undefined;
        keyPrefix?: string | undefined;
        enableOfflineQueue?: boolean | undefined;
        natMap?: Record<string, { host: string; port: number | string }> | undefined;
        [option: string]: unknown;
      }
    | undefined;
  /** Milliseconds for a call, waiting for a connection included, and for each step of `getKeys` and `clear`; 0 for no end. Default: `10000`. */
  commandTimeout?: number | undefined;
  /** Milliseconds for connecting, and logging in. Default: `10000`. */
  connectTimeout?: number | undefined;
  /** What the server lists the connection as. */
  connectionName?: string | undefined;
  /** The number of the database. */
  db?: (number | string) | undefined;
  /** Calls wait while there is no connection; otherwise they fail at once. Default: `true`. */
  enableOfflineQueue?: boolean | undefined;
  /** With `false`, `tls` is not for the server that sentinels tell of. Default: `true`. */
  enableTLSForSentinelMode?: boolean | undefined;
  /** 4 or 6 for an address of that family only; 0 for either. Default: `0`. */
  family?: number | undefined;
  /** The server's name or address. Default: `"localhost"`. */
  host?: string | undefined;
  /** After how many milliseconds a silent connection is asked whether it is still there; 0 for the system's own time. Default: `0`. */
  keepAlive?: number | undefined;
  /** What every key of this connection starts with, `base` too; without a separator of its own. Default: `""`. */
  keyPrefix?: string | undefined;
  /**
   * With it, `watch` hears of what other clients change, by the server's keyspace notifications. "check": the server has to have
   * `notify-keyspace-events` set, to `K$gxe` at least. "configure": it is set. "assume": it is not looked at, as some services do not let
   * it be. Without it, a storage's watchers hear of what its own process changes.
   */
  keyspaceNotifications?: ("check" | "configure" | "assume") | undefined;
  /** Taken, and always so, but for `preConnect`. Default: `true`. */
  lazyConnect?: boolean | undefined;
  /** Raw values are written and read as text with `base64:` in front, as unstorage 1 has them. Default: `false`. */
  legacyRaw?: boolean | undefined;
  /** Calls are refused while those that wait take more memory than so many bytes; 0 for no end. Default: `268435456`. */
  maxPendingBytes?: number | undefined;
  /** How often a call goes to another server of a cluster before it fails. Default: `16`. */
  maxRedirections?: number | undefined;
  /** How often a call is tried again, as there is no connection or it breaks, by default 20 times; null, or below 0, for no end. */
  maxRetriesPerRequest?: (number | null) | undefined;
  /** What the sentinels call the master. */
  name?: string | undefined;
  /**
   * Where addresses lead that servers of a cluster or sentinels tell of and that cannot be reached from here, as
   * `{ "10.0.0.1:6379": { host, port } }`.
   */
  natMap?: Record<string, { host: string; port: number | string }> | undefined;
  /** Small packets go out at once. Default: `true`. */
  noDelay?: boolean | undefined;
  /** The password to log in with. */
  password?: string | undefined;
  /** A Unix socket, instead of host and port. */
  path?: string | undefined;
  /** The server's port. */
  port?: (number | string) | undefined;
  /** Connects at once, and not with the first call. Default: `false`. */
  preConnect?: boolean | undefined;
  /** Tells each server that reading is enough: so a cluster's replica answers, too. Default: `false`. */
  readOnly?: boolean | undefined;
  /**
   * Milliseconds before the nth attempt to connect again: a number, a list, or a function, which is asked for every n when the
   * driver is made. What is no number gives up. By default 50 more each time, up to 2000.
   */
  retryStrategy?:
    | (number | (number | null)[] | ((times: number) => number | null | void))
    | undefined;
  /** Whether the sentinels are asked for the master, as they are by default, or for one of its replicas, which takes no writes. */
  role?: ("master" | "slave" | "replica") | undefined;
  /** How many keys the server looks at for each step of a listing. Default: `1000`. */
  scanCount?: number | undefined;
  /** The password to log in to sentinels with. */
  sentinelPassword?: string | undefined;
  /** Encrypts connections to sentinels, as `tls` those to the server. */
  sentinelTLS?:
    | (
        | boolean
        | {
            ca?: string | Uint8Array | (string | Uint8Array)[] | undefined;
            cert?: string | Uint8Array | undefined;
            key?: string | Uint8Array | undefined;
            servername?: string | undefined;
            rejectUnauthorized?: boolean | undefined;
          }
      )
    | undefined;
  /** The user to log in to sentinels as (ACL). */
  sentinelUsername?: string | undefined;
  /**
   * Some sentinels, as the servers of `cluster` are named, by default on port 26379; they tell of the others, and where the server
   * called `name` is. Instead of `host` and `port`.
   */
  sentinels?:
    | ({ host?: string | undefined; port?: number | string | undefined } | string | number)[]
    | undefined;
  /** Encrypts the connection: true, or how the server is recognised. */
  tls?:
    | (
        | boolean
        | {
            ca?: string | Uint8Array | (string | Uint8Array)[] | undefined;
            cert?: string | Uint8Array | undefined;
            key?: string | Uint8Array | undefined;
            servername?: string | undefined;
            rejectUnauthorized?: boolean | undefined;
          }
      )
    | undefined;
  /** Life of an item that comes without its own, in seconds. */
  ttl?: number | undefined;
  /**
   * Where the server is, as `redis://user:password@host:port/db`, `rediss://…` with TLS, `unix:///path/to/socket?db=0` or
   * `redis+sentinel://user:password@host:port,host:port/name/db`. What it says goes before the other options.
   */
  url?: string | undefined;
  /** The user to log in as (ACL). */
  username?: string | undefined;
}

declare const redis: (options?: RedisOptions) => Driver<RedisOptions, RedisConnection>;
export default redis;
export declare const DRIVER_DEPENDENCIES: Record<string, never>;
export { redis as "module.exports" };
