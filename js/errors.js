/** Errors as Rust makes them too: `code`, `driver`, `operation`, `key`, and a message that says all four and the cause. */

export function storageError(code, driver, operation, key, cause) {
  const subject = key === undefined ? operation : `${operation} ${JSON.stringify(key)}`;
  const error = new Error(`[rustorage] [${driver}] ${subject}: ${cause}`);
  return Object.assign(error, { code, driver, operation, key });
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
  const error = new Error(`[unstorage] Invalid ${what}: ${JSON.stringify(name)}`);
  return Object.assign(error, { code: "INVALID_KEY", operation, key: name });
}
