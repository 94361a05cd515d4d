/** The drivers of services over HTTP: in one module, as each costs a cold start. */
import { withoutIneffective } from "./ineffective-options.js";
import { RAW_AS_TEXT, createRemoteDriver } from "./remote-driver.js";
import { isRecord } from "./runtime-options.js";

export function http(options = {}) {
  return createRemoteDriver("http", options, {
    prepare: (given) => (isRecord(given) ? { ...given, headers: toRecord(given.headers) } : given),
    toMeta: withDate,
  });
}

export function s3(options = {}) {
  return createRemoteDriver("s3", options, {
    complete: (given) => withFields(given, { environment: environmentOf(/^(?:AWS_|HOME$)/) }),
    // The environment may be filled after the driver was made.
    late: isRecord(options) && !options.region,
    toMeta: withDate,
  });
}

/** The options with more; what are none is left for the addon to refuse. */
function withFields(options, fields) {
  return isRecord(options) ? { ...options, ...fields } : options;
}

/** What the client of Upstash takes and ours does without. */
const WITHOUT_EFFECT_ON_UPSTASH = [
  "agent",
  "automaticDeserialization",
  "cache",
  "enableAutoPipelining",
  "enableTelemetry",
  "keepAlive",
  "latencyLogging",
  "readYourWrites",
  "responseEncoding",
  "retry",
  "signal",
];

export function upstash(options = {}) {
  return createUpstash("upstash", options, () => "UPSTASH_REDIS_REST");
}

export function vercelKv(options = {}) {
  return createUpstash("vercel-kv", options, ({ env }) =>
    env === false ? undefined : `${env || "KV"}_REST_API`,
  );
}

/** `prefixOf(options)`: what the names of variables begin with that stand in for the url and the token. */
function createUpstash(name, options, prefixOf) {
  const given = withoutIneffective(name, options, WITHOUT_EFFECT_ON_UPSTASH);
  return createRemoteDriver(name, given, {
    complete(settings) {
      const prefix = isRecord(settings) ? prefixOf(settings) : undefined;
      const { url, token } = settings;
      return withFields(settings, {
        url: url || process.env[`${prefix}_URL`],
        token: token || process.env[`${prefix}_TOKEN`],
      });
    },
    late: isRecord(options) && !(options.url && options.token),
    raw: RAW_AS_TEXT,
  });
}

/** The variables with such names. A thread may have an environment of its own, which the addon does not see. */
function environmentOf(names) {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => names.test(name)));
}

function withDate({ mtime, ...fields }) {
  return { ...fields, mtime: mtime && new Date(mtime) };
}

export function cloudflareKvHttp(options = {}) {
  return createRemoteDriver("cloudflare-kv-http", options, { raw: RAW_AS_TEXT });
}

export function github(options = {}) {
  return createRemoteDriver("github", options);
}

/** Headers as an object of texts, whatever `fetch` takes for them. */
function toRecord(headers) {
  const isList = typeof headers === "object" && typeof headers?.[Symbol.iterator] === "function";
  return isList ? Object.fromEntries(headers) : headers;
}
