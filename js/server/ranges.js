/** Ranges of raw values: RFC 9110, 14. One range is answered; for several, the whole is. */
import { isLaterThan } from "./conditions.js";
import { HttpError } from "./errors.js";

/** The bytes asked for, as `{ start, end }`; undefined for all. */
export function rangeOf(request, { headers, body, etag, mtime }) {
  if (headers["accept-ranges"] === undefined || request.method !== "GET") return undefined;
  const asked = /^\s*bytes\s*=\s*(\d*)\s*-\s*(\d*)\s*$/i.exec(request.header("range") ?? "");
  if (!asked) return undefined;
  const [, first, last] = asked;
  if (first === "" && last === "") return undefined;
  if (first !== "" && last !== "" && Number(first) > Number(last)) return undefined;
  if (!isCurrent(request.header("if-range"), etag, mtime)) return undefined;
  const size = body.length;
  const start = first === "" ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === "" || last === "" ? size : Math.min(size, Number(last) + 1);
  if (start >= end) {
    const unsatisfiable = { "content-range": `bytes */${size}` };
    throw new HttpError(416, "Range Not Satisfiable", { headers: unsatisfiable });
  }
  return { start, end };
}

/** Whether what the client has a part of is still what there is. */
function isCurrent(ifRange, etag, mtime) {
  if (ifRange === undefined) return true;
  return ifRange.includes('"') ? ifRange.trim() === etag : isLaterThan(mtime, ifRange) === false;
}
