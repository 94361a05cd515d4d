/** Errors as Rust makes them too: `code`, `driver`, `operation`, `key`, and a message that says all four and the cause. */

export function storageError(code, driver, operation, key, cause) {
  const subject = key === undefined ? operation : `${operation} ${quote(key)}`;
  const error = new Error(`[rustorage] [${driver}] ${subject}: ${cause}`);
  return Object.assign(error, { code, driver, operation, key });
}

/** The error of a value that has no text, its own message kept, with what else errors say. */
export function refusedValue(error, operation, key) {
  const isBare = error instanceof Error && error.code === undefined && Object.isExtensible(error);
  return isBare ? Object.assign(error, { code: "INVALID_VALUE", operation, key }) : error;
}

/** Whether an error comes from this package, with a `code`. */
export function isStorageError(error) {
  return (
    error instanceof Error &&
    typeof error.code === "string" &&
    /^\[(?:ru|un)storage\] /.test(error.message)
  );
}

export function invalidKey(key, operation) {
  return invalidName("key", key, operation);
}

export function invalidBase(base, operation) {
  return invalidName("base", base, operation);
}

function invalidName(what, name, operation) {
  const error = new Error(`[unstorage] Invalid ${what}: ${quote(name)}`);
  return Object.assign(error, { code: "INVALID_KEY", operation, key: name });
}

/** A key as messages have it; what is no string may have no JSON. */
function quote(key) {
  try {
    return JSON.stringify(key);
  } catch {
    return String(key);
  }
}
