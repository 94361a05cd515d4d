/** The drivers of services over HTTP: in one module, as each costs a cold start. */
import { createRemoteDriver } from "./remote-driver.js";
import { isRecord } from "./runtime-options.js";

export function http(options = {}) {
  return createRemoteDriver("http", options, {
    prepare: (given) => (isRecord(given) ? { ...given, headers: toRecord(given.headers) } : given),
    toMeta: ({ mtime, ...fields }) => ({ ...fields, mtime: mtime && new Date(mtime) }),
  });
}

/** Headers as an object of texts, whatever `fetch` takes for them. */
function toRecord(headers) {
  const isList = typeof headers === "object" && typeof headers?.[Symbol.iterator] === "function";
  return isList ? Object.fromEntries(headers) : headers;
}
