// Generated from the driver's Rust struct by scripts/generate.js.
import type { CommonDriverOptions, Driver } from "../../index.js";

export interface NetlifyBlobsOptions extends CommonDriverOptions {
  /** Where the API is. By default `https://api.netlify.com`. */
  apiURL?: string | undefined;
  /** With `strong`, the edge's reads see every earlier write, and take longer. */
  consistency?: ("eventual" | "strong") | undefined;
  /** The deploy's id. By default the one that Netlify's functions run in. */
  deployID?: string | undefined;
  /** The store belongs to the deploy and goes with it, and has no name. Default: `false`. */
  deployScoped?: boolean | undefined;
  /** Where the edge is, which is asked instead of the API. Netlify's functions know it. */
  edgeURL?: string | undefined;
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
  /** The store's name. Required, unless `deployScoped` is true. */
  name?: string | undefined;
  /** The region of a deploy's store. */
  region?: string | undefined;
  /** The site's id. Netlify's functions know it. */
  siteID?: string | undefined;
  /** A token that may use the site's blobs. Netlify's functions have one. */
  token?: string | undefined;
  /** Where the edge is that keeps no copies. */
  uncachedEdgeURL?: string | undefined;
}
/** The name that unstorage has for them. */
export type NetlifyStoreOptions = NetlifyBlobsOptions;

declare const netlifyBlobs: (options?: NetlifyBlobsOptions) => Driver<NetlifyBlobsOptions, unknown>;
export default netlifyBlobs;
export declare const DRIVER_DEPENDENCIES: Record<string, never>;
export { netlifyBlobs as "module.exports" };
