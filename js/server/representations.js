/** What is sent of an item or a list: `{ headers, body }`, with `etag` and `mtime` where conditions can go by them. */
import { setImmediate } from "node:timers/promises";
import { native } from "../native.js";
import { stringify, viewBytes } from "../serialize.js";
import { builtins } from "./builtins.js";

const JSON_TYPE = "application/json;charset=UTF-8";
const TEXT_TYPE = "text/plain;charset=UTF-8";
const RAW_TYPE = "application/octet-stream";

/** What a cache takes for endless: RFC 9111, 1.2.2. */
const LONGEST_AGE = 2 ** 31;

/** The item as text, or as it is kept; undefined where there is none. */
export async function itemOf(storage, key, isRaw) {
  const value = await (isRaw ? storage.getItemRaw(key) : storage.getItem(key));
  if (value === null || value === undefined) return undefined;
  // After the value: the drivers of others may fail here where there is none.
  const meta = await storage.getMeta(key);
  const mtime = dateOf(meta);
  const headers = headersOf(meta, mtime);
  headers["content-type"] = isRaw ? RAW_TYPE : TEXT_TYPE;
  headers.vary = "accept";
  if (isLate(value)) {
    return { headers, mtime, body: value instanceof Blob ? value.stream() : value };
  }
  if (isRaw) headers["accept-ranges"] = "bytes";
  return tagged(headers, isRaw ? toBytes(value) : toText(value), mtime);
}

export function listOf(keys) {
  const paths = keys.map((key) => key.replaceAll(":", "/"));
  const headers = headersOf({});
  headers["content-type"] = JSON_TYPE;
  return tagged(headers, JSON.stringify(paths));
}

/** The headers that need the metadata alone. */
export function headersOf(meta, mtime = dateOf(meta)) {
  const ttl = lifeOf(meta);
  const headers = {
    // Without it a cache may make up how long it keeps an answer that has a date.
    "cache-control": ttl
      ? `max-age=${Math.floor(Math.min(Math.max(0, ttl), LONGEST_AGE))}`
      : "no-cache",
    // A browser is not to take a value for a page.
    "x-content-type-options": "nosniff",
  };
  if (mtime) headers["last-modified"] = mtime.toUTCString();
  if (ttl) headers["x-ttl"] = String(ttl);
  return headers;
}

/** Metadata is what anybody may have written, and not fit for a header as it is. */
function lifeOf({ ttl }) {
  const seconds = Number(ttl);
  return Number.isFinite(seconds) ? seconds : undefined;
}

function dateOf({ mtime }) {
  if (!mtime) return undefined;
  const date = new Date(mtime);
  return Number.isNaN(date.getTime()) ? undefined : date;
}

/** A promise of it where the body is large. The headers become the representation's: a copy takes longer than the digest. */
function tagged(headers, body, mtime) {
  const withTag = (digest) => {
    headers.etag = `"${digest}"`;
    return { etag: headers.etag, body, mtime, headers };
  };
  return body.length <= SLICE ? withTag(native.digest(body)) : digestLater(body).then(withTag);
}

/** What the event loop can bear at once. */
const SLICE = 1 << 20;

async function digestLater(body) {
  const bytes = typeof body === "string" ? Buffer.from(body) : body;
  const hash = builtins.crypto.createHash("sha256");
  for (let start = 0; start < bytes.length; start += SLICE) {
    hash.update(bytes.subarray(start, start + SLICE));
    await setImmediate();
  }
  // As the addon has it.
  return hash.digest().subarray(0, 20).toString("base64url");
}

/** Whether a value has its bytes later. */
function isLate(value) {
  return value instanceof Blob || value instanceof ReadableStream;
}

function toBytes(value) {
  return bytesIn(value) ?? Buffer.from(stringify(value));
}

/** A text is sent as such, which is faster than its bytes. */
function toText(value) {
  return bytesIn(value) ?? stringify(value);
}

function bytesIn(value) {
  if (ArrayBuffer.isView(value)) return viewBytes(value);
  return value instanceof ArrayBuffer ? new Uint8Array(value) : undefined;
}
