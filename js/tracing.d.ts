import type { Storage, StorageValue } from "../index.js";

/**
 * What is traced. `getMeta` is published on the channel of `getItem`, with `meta: true`; `setMeta` and `removeMeta` are the `setItem` and `removeItem`
 * that they consist of.
 */
export type TracedOperation =
  | "hasItem"
  | "getItem"
  | "getMeta"
  | "getItems"
  | "getItemRaw"
  | "setItem"
  | "setItems"
  | "setItemRaw"
  | "removeItem"
  | "getKeys"
  | "clear";

/** What subscribers of `tracingChannel("unstorage.<operation>")` get; Node adds `result` or `error`. */
export interface TraceContext {
  /** Normalised. Of `getKeys` and `clear` the base, with `:` at its end. */
  keys: string[];
  /** Whether the call is about metadata. */
  meta?: boolean | undefined;
  /** The mount point of the first key. */
  base?: string | undefined;
  /** The driver there. */
  driver?: {
    name?: string | undefined;
    /** Without secrets: what is not known to be none is `"[redacted]"`. */
    options?: Record<string, unknown> | undefined;
  };
}

/**
 * The storage, publishing what it does on Node's diagnostics channels, as unstorage's `withTracing` has it. A storage that is traced already is given back as it
 * is. Calls that nobody listens to take at most some 10 ns more.
 */
export declare function withTracing<T extends StorageValue>(storage: Storage<T>): Storage<T>;
