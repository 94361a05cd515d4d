// Generated from the driver's Rust struct by scripts/generate.js.
import type { CommonDriverOptions, Driver } from "../../index.js";

export interface VercelBlobOptions extends CommonDriverOptions {
  /** Whether anybody may read the blobs who knows their URLs, or only who has the token. Required. */
  access?: ("public" | "private") | undefined;
  /** Where the API is. By default `VERCEL_BLOB_API_URL`, or Vercel's. */
  apiURL?: string | undefined;
  /** What the pathnames of all items start with, before a slash. Default: `""`. */
  base?: string | undefined;
  /** Where contents are read. By default the store's own host at Vercel's. */
  blobURL?: string | undefined;
  /** What stands for `BLOB` in the name of this variable. */
  envPrefix?: string | undefined;
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
  /** The store's read-write token. By default `BLOB_READ_WRITE_TOKEN`. */
  token?: string | undefined;
}

declare const vercelBlob: (options?: VercelBlobOptions) => Driver<VercelBlobOptions, unknown>;
export default vercelBlob;
export declare const DRIVER_DEPENDENCIES: Record<string, never>;
export { vercelBlob as "module.exports" };
