/** What goes wrong, as replies. */
import { builtins } from "./builtins.js";

/** What the client is told. `headers` go with the reply. */
export class HttpError extends Error {
  constructor(status, message, { headers, cause } = {}) {
    super(message, { cause });
    this.name = "HttpError";
    this.status = status;
    this.headers = headers;
  }
}

/** The storage's refusals that are the client's affair; no other error's message leaves the server. */
const CLIENT_ERRORS = {
  INVALID_KEY: [400, "Invalid key"],
  TOO_LARGE: [413, "The value is larger than the storage takes"],
};

/** What becomes of what `authorize` threw, under h3's and unstorage's names; of nothing where it gave false. */
export function refusal(error) {
  const status = error?.statusCode ?? error?.status ?? 401;
  const isError = Number.isInteger(status) && status >= 400 && status <= 599;
  const message = error?.statusMessage || error?.statusText || error?.message;
  const headers = error?.headers && headersIn(error.headers);
  return new HttpError(
    isError ? status : 500,
    String(message || builtins.http.STATUS_CODES[status] || ""),
    {
      headers,
      cause: error,
    },
  );
}

/** By name; cookies, which cannot be joined, as an array. */
function headersIn(given) {
  const all = new Headers(given);
  const headers = Object.fromEntries(all);
  if (all.has("set-cookie")) headers["set-cookie"] = all.getSetCookie();
  // `Headers` takes characters that no server of Node sends.
  for (const [name, value] of all) builtins.http.validateHeaderValue(name, value);
  return headers;
}

export function failure(error) {
  const { status, message, headers } = error instanceof HttpError ? error : clientError(error);
  const statusText = message.replace(/[^\u0020-\u007E]/g, "");
  // Under the names that unstorage 2 and h3 1, which is under unstorage 1.17, have for them.
  const said = { status, statusCode: status, statusText, statusMessage: statusText, message };
  return {
    status,
    statusText,
    headers: {
      ...headers,
      "content-type": "application/json;charset=UTF-8",
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
    },
    body: JSON.stringify(said),
  };
}

function clientError(error) {
  const known = Object.hasOwn(CLIENT_ERRORS, error?.code) ? CLIENT_ERRORS[error.code] : undefined;
  if (known) return new HttpError(...known);
  report(error);
  return new HttpError(500, "Internal Server Error");
}

/** Tells the operator. */
export function report(error) {
  console.error("[rustorage] [server]", error);
}
