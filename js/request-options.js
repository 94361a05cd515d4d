/** What a call asks of a service beside key and value, as the addon takes it. */

const wanted = new Set();

/** Lets what a driver reads in Rust through to it. Before one wants any, calls are not looked at, which costs in memory. */
export function letThrough(names) {
  for (const name of names) wanted.add(name);
}

/**
 * Options for services as JSON on the first line, which is empty where there are none; then the call's own headers, names and values in
 * turn, each on a line. Undefined where there is neither. The driver refuses headers that HTTP cannot have, such as any with a line
 * feed, for which a carriage return stands here.
 */
export function requestOf(options) {
  const read = wanted.size === 0 ? undefined : wantedOf(options);
  const headers = options?.headers;
  const isGiven = headers !== undefined && headers !== null;
  if (read === undefined && !isGiven) return undefined;
  const lines = isGiven ? toLines(headers) : [];
  if (read === undefined && lines.length === 0) return undefined;
  return [read === undefined ? "" : JSON.stringify(read), ...lines].join("\n");
}

function wantedOf(options) {
  let read;
  for (const name in options) {
    const value = wanted.has(name) ? options[name] : undefined;
    if (value !== undefined && value !== null) (read ??= {})[name] = sent(name, value);
  }
  return read;
}

/** Metadata is a text, as its parts keep their order. What JSON has no text for becomes what the driver refuses. */
function sent(name, value) {
  if (name !== "metadata") return isSimple(value) ? value : {};
  try {
    return JSON.stringify(value) ?? "";
  } catch {
    return "";
  }
}

function isSimple(value) {
  return typeof value === "string" || typeof value === "boolean" || Number.isFinite(value);
}

function toLines(headers) {
  if (typeof headers !== "object") return ["headers", "\r"];
  const pairs = typeof headers[Symbol.iterator] === "function" ? headers : Object.entries(headers);
  const lines = [...pairs].flatMap(([name, value]) => (value === undefined ? [] : [name, value]));
  return lines.map((line) => String(line).replaceAll("\n", "\r"));
}
