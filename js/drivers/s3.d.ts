// Generated from the driver's Rust struct by scripts/generate.js.
import type { CommonDriverOptions, Driver } from "../../index.js";

export interface S3Options extends CommonDriverOptions {
  /** The id of the access key. Without it and `secretAccessKey`, credentials come from where AWS's own clients look for them. */
  accessKeyId?: string | undefined;
  /** The bucket's name. Required. */
  bucket?: string | undefined;
  /** clear removes a thousand objects by one request; otherwise each by its own. Default: `true`. */
  bulkDelete?: boolean | undefined;
  /** The service's URL. By default `AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL`, or AWS's in the region. */
  endpoint?: string | undefined;
  /** The bucket stands in the path, and not in front of the host's name. Default: `true`. */
  forcePathStyle?: boolean | undefined;
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
  /** The region. By default `AWS_REGION` or `AWS_DEFAULT_REGION`. */
  region?: string | undefined;
  /** The secret of the access key. */
  secretAccessKey?: string | undefined;
  /** The token that belongs to a key for a limited time. */
  sessionToken?: string | undefined;
}
/** The name that unstorage has for them. */
export type S3DriverOptions = S3Options;

declare const s3: (options?: S3Options) => Driver<S3Options, unknown>;
export default s3;
export declare const DRIVER_DEPENDENCIES: Record<string, never>;
export { s3 as "module.exports" };
