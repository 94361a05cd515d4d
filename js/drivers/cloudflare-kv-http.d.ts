// Generated from the driver's Rust struct by scripts/generate.js.
import type { CommonDriverOptions, Driver } from "../../index.js";

export interface CloudflareKvHttpOptions extends CommonDriverOptions {
  /** The id of the account. Required. */
  accountId?: string | undefined;
  /** The account's global key. */
  apiKey?: string | undefined;
  /** A token that may use Workers KV. One of `apiToken`, `userServiceKey`, and `email` with `apiKey` is required. */
  apiToken?: string | undefined;
  /** Where the API is. Default: `"https://api.cloudflare.com"`. */
  apiURL?: string | undefined;
  /** What the names of all items start with, before a colon. Default: `""`. */
  base?: string | undefined;
  /** The account's e-mail address. */
  email?: string | undefined;
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
  /** The shortest life of an item in seconds: a shorter `ttl` is made so long. Cloudflare takes none below 60. Default: `60`. */
  minTTL?: number | undefined;
  /** The id of the namespace. Required. */
  namespaceId?: string | undefined;
  /** A service's key, which begins with `v1.0-`. */
  userServiceKey?: string | undefined;
}
/** The name that unstorage has for them. */
export type KVHTTPOptions = CloudflareKvHttpOptions;

declare const cloudflareKvHttp: (
  options?: CloudflareKvHttpOptions,
) => Driver<CloudflareKvHttpOptions, unknown>;
export default cloudflareKvHttp;
export { cloudflareKvHttp as "module.exports" };
