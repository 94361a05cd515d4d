/** The drivers of services over HTTP: in one module, as each costs a cold start. */
import { withoutIneffective } from "./ineffective-options.js";
import { RAW_AS_TEXT, createRemoteDriver, encodeRaw } from "./remote-driver.js";
import { letThrough } from "./request-options.js";
import { isRecord } from "./runtime-options.js";

/** Null is an empty body, as fetch has it. */
const RAW_AS_BODY = { encode: (value) => (value === null ? "" : encodeRaw(value)) };

export function http(options = {}) {
  return createRemoteDriver("http", options, {
    prepare: (given) => (isRecord(given) ? { ...given, headers: toRecord(given.headers) } : given),
    raw: RAW_AS_BODY,
    toMeta: withDate,
  });
}

export function s3(options = {}) {
  return createRemoteDriver("s3", options, {
    complete: (given) =>
      withFields(given, { "rustorage:environment": environmentOf(/^(?:AWS_|HOME$)/) }),
    // The environment may be filled after the driver was made.
    late: isRecord(options) && !options.region,
    raw: RAW_AS_BODY,
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

/** What Vercel's client takes for a write. */
const OF_WRITES_TO_VERCEL = [
  "access",
  "addRandomSuffix",
  "allowOverwrite",
  "cacheControlMaxAge",
  "contentType",
  "ifMatch",
  "oidcToken",
  "optimizeImage",
  "storeId",
  "token",
];

export function vercelBlob(options = {}) {
  letThrough(OF_WRITES_TO_VERCEL);
  return createRemoteDriver("vercel-blob", options, {
    complete(settings) {
      const { token, envPrefix, apiURL } = settings;
      const { VERCEL_BLOB_API_URL, NEXT_PUBLIC_VERCEL_BLOB_API_URL } = process.env;
      return withFields(settings, {
        token: token || process.env[`${envPrefix || "BLOB"}_READ_WRITE_TOKEN`],
        apiURL: apiURL || VERCEL_BLOB_API_URL || NEXT_PUBLIC_VERCEL_BLOB_API_URL,
      });
    },
    late: isRecord(options) && !options.token,
    raw: RAW_AS_BODY,
    toMeta({ uploadedAt, ...fields }) {
      const date = uploadedAt && new Date(uploadedAt);
      return { ...fields, mtime: date, uploadedAt: date };
    },
  });
}

export function netlifyBlobs(options = {}) {
  letThrough(["consistency", "metadata", "onlyIfMatch", "onlyIfNew"]);
  const given = withoutIneffective("netlify-blobs", options, ["fetch"]);
  return createRemoteDriver("netlify-blobs", given, {
    complete: (settings) =>
      isRecord(settings) ? withFields(settings, ofNetlify(settings)) : settings,
    late: isRecord(options) && (options.deployScoped || !(options.siteID && options.token)),
    raw: RAW_AS_BODY,
    toMeta: ({ etag, metadata }) => ({ etag, metadata: metadata && JSON.parse(metadata) }),
  });
}

/** The options that Netlify tells what runs there, which go over those that are given, as its own client has it. */
function ofNetlify(options) {
  const { deployScoped, siteID, token } = options;
  if (!deployScoped && siteID && token) return {};
  const context = netlifyContext();
  const edge = context.edgeURL ?? options.edgeURL ?? context.uncachedEdgeURL;
  const names = ["siteID", "token", "apiURL", "edgeURL", "uncachedEdgeURL"];
  const known = Object.fromEntries(names.map((name) => [name, context[name] ?? options[name]]));
  if (!deployScoped) return known;
  const region = options.region ?? (edge ? context.primaryRegion : undefined);
  return { ...known, deployID: options.deployID ?? context.deployID, region };
}

function netlifyContext() {
  const text = globalThis.netlifyBlobsContext || process.env.NETLIFY_BLOBS_CONTEXT;
  try {
    const context = JSON.parse(Buffer.from(text, "base64").toString());
    return isRecord(context) ? context : {};
  } catch {
    return {};
  }
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
