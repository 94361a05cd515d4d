/** Conditional requests: RFC 9110, 13.2.2. */

const CONDITIONS = ["if-match", "if-none-match", "if-modified-since", "if-unmodified-since"];

export function isConditional(request) {
  return CONDITIONS.some((name) => request.header(name) !== undefined);
}

/**
 * The status that a condition about what there is ends the request with, 304 or 412; undefined where all hold.
 * `representation` is undefined where there is nothing.
 */
export function unmetCondition(request, representation) {
  if (!isConditional(request)) return undefined;
  const exists = representation !== undefined;
  const { etag, mtime } = representation ?? {};
  const isRead = request.method === "GET" || request.method === "HEAD";
  const [match, noneMatch, modified, unmodified] = CONDITIONS.map((name) => request.header(name));
  if (match !== undefined) {
    if (!exists || !(isAny(match) || tagsIn(match).includes(etag))) return 412;
  } else if (isLaterThan(mtime, unmodified)) {
    return 412;
  }
  if (noneMatch !== undefined) {
    const tags = tagsIn(noneMatch).map((tag) => tag.replace(/^W\//, ""));
    const matches = exists && (isAny(noneMatch) || tags.includes(etag));
    return matches ? (isRead ? 304 : 412) : undefined;
  }
  return isRead && isLaterThan(mtime, modified) === false ? 304 : undefined;
}

function isAny(header) {
  return header.trim() === "*";
}

function tagsIn(header) {
  return header.match(/(?:W\/)?"[^"]*"/g) ?? [];
}

/** Compares what a header, in seconds, says; undefined where one of both is not known. */
export function isLaterThan(mtime, date) {
  const limit = Date.parse(date);
  if (mtime === undefined || Number.isNaN(limit)) return undefined;
  return Math.floor(mtime.getTime() / 1000) * 1000 > limit;
}
