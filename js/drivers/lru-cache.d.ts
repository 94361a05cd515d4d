// Generated from the driver's Rust struct by scripts/generate.js.
import type { CommonDriverOptions, Driver } from "../../index.js";

export interface LruCacheOptions extends CommonDriverOptions {
  /** An expired item is returned one last time. Default: `false`. */
  allowStale?: boolean | undefined;
  /** Called with each value that leaves the cache, and why. */
  dispose?:
    | ((value: unknown, key: string, reason: "evict" | "set" | "delete" | "expire") => void)
    | undefined;
  /** Most items kept; 0 stands for no limit. Default: `1000`. */
  max?: number | undefined;
  /** Most that one item's size may be; a larger one is not kept. 0 stands for `maxSize`. Default: `0`. */
  maxEntrySize?: number | undefined;
  /** Most that all sizes together may be; 0 stands for no limit. Default: `0`. */
  maxSize?: number | undefined;
  /**
   * The size of a value, where sizes count. By default the UTF-8 bytes of its text or the bytes of a raw value, and the
   * length of its key.
   */
  sizeCalculation?: ((value: unknown, key: string) => number) | undefined;
  /** Life of an item that comes without its own, in milliseconds. Default: `0`. */
  ttl?: number | undefined;
  /** Taken, and always so: what is expired goes away by itself. Default: `true`. */
  ttlAutopurge?: boolean | undefined;
  /** Taken, and without effect: lives are kept to the millisecond. Default: `1`. */
  ttlResolution?: number | undefined;
  /** Reading an item starts its life anew. Default: `false`. */
  updateAgeOnGet?: boolean | undefined;
  /** Asking for an item starts its life anew. Default: `false`. */
  updateAgeOnHas?: boolean | undefined;
}
/** The name that unstorage has for them. */
export type LRUDriverOptions = LruCacheOptions;

declare const lruCache: (
  options?: LruCacheOptions,
) => Driver<LruCacheOptions, Map<string, unknown>>;
export default lruCache;
export declare const DRIVER_DEPENDENCIES: Record<string, never>;
export { lruCache as "module.exports" };
