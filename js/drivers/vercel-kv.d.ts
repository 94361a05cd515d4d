// Generated from the driver's Rust struct by scripts/generate.js.
import type { CommonDriverOptions, Driver } from "../../index.js";

export interface VercelKvOptions extends CommonDriverOptions {
  /** What the keys of all items start with, before a colon. Default: `""`. */
  base?: string | undefined;
  /** What stands for `KV` in the names of these variables; false for not looking at them. */
  env?: (false | string) | undefined;
  /** How long a request may take, and how often it is tried. */
  limits?:
    | {
        /** Most bytes that an answer may have, unpacked. Default: `268435456`. */
        maxResponseSize?: number | undefined;
        /**
         * How often a request is tried again, where doing it twice does no harm: after a broken connection, and where the service
         * is busy or fails. Default: `3`.
         */
        retries?: number | undefined;
        /** Milliseconds for a request, repetitions and the whole answer included; 0 for no end. Default: `30000`. */
        timeout?: number | undefined;
      }
    | undefined;
  /** How many keys the database looks at for each step of a listing. Default: `1000`. */
  scanCount?: number | undefined;
  /** The token of the REST API. By default `KV_REST_API_TOKEN`. */
  token?: string | undefined;
  /** Life of an item that comes without its own, in seconds. */
  ttl?: number | undefined;
  /** The URL of the database's REST API. By default `KV_REST_API_URL`. */
  url?: string | undefined;
}
/** The name that unstorage has for them. */
export type VercelKVOptions = VercelKvOptions;

declare const vercelKv: (options?: VercelKvOptions) => Driver<VercelKvOptions, unknown>;
export default vercelKv;
export { vercelKv as "module.exports" };
