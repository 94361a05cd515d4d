/** A driver's options as anybody may see them: in traces and logs, which leave the process. */
import { OPTION_TYPES, SECRET_OPTIONS } from "./option-types.js";
import { isOfType, isRecord } from "./runtime-options.js";

const REDACTED = "[redacted]";

/** `inspect.custom`, without `node:util`: on Node 24 that brings worker threads and streams along, a quarter of what an import takes. */
const INSPECT = Symbol.for("nodejs.util.inspect.custom");

/** A user and a password in a URL. */
const CREDENTIALS = /\/\/[^/?#\s]*@/g;

/**
 * Shows what is known to be no secret: options that a native driver has and does not call secret, where they are what they have
 * to be, and of any other driver numbers and booleans alone.
 */
export function redactedOptions({ name, options }) {
  if (!isRecord(options)) return options === undefined ? undefined : {};
  const types = Object.hasOwn(OPTION_TYPES, name) ? OPTION_TYPES[name] : {};
  const secrets = Object.hasOwn(SECRET_OPTIONS, name) ? SECRET_OPTIONS[name] : [];
  const shown = ([option, value]) => {
    const isKnown = Object.hasOwn(types, option) && !secrets.includes(option);
    return [option, isKnown && isOfType(value, types[option]) ? clean(value) : bare(value)];
  };
  return Object.fromEntries(Object.entries(options).map(shown));
}

/** A copy that has the secrets for whoever asks for one, and not for what prints, or logs, a whole driver. */
export function discreet(name, options) {
  if (!isRecord(options) || !Object.hasOwn(SECRET_OPTIONS, name)) return options;
  const redacted = { value: () => redactedOptions({ name, options }) };
  return Object.defineProperties({ ...options }, { toJSON: redacted, [INSPECT]: redacted });
}

function bare(value) {
  const isBare = typeof value === "number" || typeof value === "boolean";
  return isBare || value === undefined || value === null ? value : REDACTED;
}

/** A copy, without passwords in URLs. */
function clean(value) {
  if (typeof value === "string") return value.replace(CREDENTIALS, `//${REDACTED}@`);
  if (Array.isArray(value)) return value.map(clean);
  if (isRecord(value)) {
    return Object.fromEntries(Object.entries(value).map(([field, one]) => [field, clean(one)]));
  }
  return bare(value);
}
