import { storageError } from "../errors.js";

/** Refuses what a command was given to work on. */
export function refuse(cause) {
  throw storageError("INVALID_OPTIONS", "none", "open", undefined, cause);
}
