/** The key helpers that apps use. Calls of a storage do not come by here: their keys are read in Rust. */

/**
 * Nitro inlines this function's source into what it builds: it must stand on its own.
 */
export function normalizeKey(key) {
  if (!key) return "";
  const end = key.indexOf("?");
  const path = end < 0 ? key : key.slice(0, end);
  // Most are normal.
  if (!/[/\\]|::|^:|:$/.test(path)) return path;
  const segments = path.split(/[:/\\]+/);
  if (segments[0] === "") segments.shift();
  if (segments.length > 0 && segments[segments.length - 1] === "") segments.pop();
  return segments.join(":");
}

export function joinKeys(...keys) {
  return normalizeKey(keys.join(":"));
}

export function normalizeBaseKey(base) {
  const key = normalizeKey(base);
  return key && key + ":";
}

export function hasDotSegment(key) {
  return key.split(":").some((segment) => segment === "." || segment === "..");
}

export function filterKeyByDepth(key, depth) {
  if (depth === undefined) return true;
  let separators = 0;
  for (let at = key.indexOf(":"); at >= 0; at = key.indexOf(":", at + 1)) separators++;
  return separators <= depth;
}

export function filterKeyByBase(key, base) {
  return !key.endsWith("$") && (!base || key.startsWith(base));
}
