// Generated from the driver's Rust struct by scripts/generate.js.
import type { CommonDriverOptions, Driver } from "../../index.js";

export interface HttpOptions extends CommonDriverOptions {
  /** The server's URL; items lie under it. Required. */
  base?: string | undefined;
  /** Headers of every request. A call's own `headers` go over them. */
  headers?: Record<string, string | undefined> | undefined;
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
}
/** The name that unstorage has for them. */
export type HTTPOptions = HttpOptions;

declare const http: (options?: HttpOptions) => Driver<HttpOptions, unknown>;
export default http;
export { http as "module.exports" };
