// Generated from the driver's Rust struct by scripts/generate.js.
import type { CommonDriverOptions, Driver } from "../../index.js";

export interface GithubOptions extends CommonDriverOptions {
  /** Where the API is. Default: `"https://api.github.com"`. */
  apiURL?: string | undefined;
  /** The branch, or a tag or a commit. Default: `"main"`. */
  branch?: string | undefined;
  /** Where files are read from. Default: `"https://raw.githubusercontent.com"`. */
  cdnURL?: string | undefined;
  /** The folder whose files are the items. Default: `""`. */
  dir?: string | undefined;
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
  /** The repository, as `owner/name`. Required. */
  repo?: string | undefined;
  /** A token, for private repositories and for more than 60 requests an hour. */
  token?: string | undefined;
  /** How many seconds the list of files holds. Default: `600`. */
  ttl?: number | undefined;
}

declare const github: (options?: GithubOptions) => Driver<GithubOptions, unknown>;
export default github;
export { github as "module.exports" };
