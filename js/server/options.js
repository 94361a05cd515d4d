/** The options of all three servers. */
import { storageError } from "../errors.js";
import { isRecord } from "../runtime-options.js";

const OPTIONS = {
  authorize: ["a function", (value) => typeof value === "function"],
  resolvePath: ["a function", (value) => typeof value === "function"],
  maxBodySize: ["a number of bytes, and not below 0", (value) => value >= 0],
};

/** A mistyped `authorize` would leave the storage open. */
export function checkOptions(storage, options, operation) {
  const refuse = (cause) => {
    throw storageError("INVALID_OPTIONS", "none", operation, undefined, cause);
  };
  if (typeof storage?.getItem !== "function") refuse("it takes a storage");
  if (!isRecord(options)) refuse("the options must be an object");
  for (const [option, value] of Object.entries(options)) {
    if (!Object.hasOwn(OPTIONS, option)) {
      const known = Object.keys(OPTIONS).map((name) => `\`${name}\``);
      refuse(`unknown option \`${option}\`, expected one of ${known.join(", ")}`);
    }
    const [words, holds] = OPTIONS[option];
    if (value !== undefined && !holds(value)) refuse(`\`${option}\` must be ${words}`);
  }
}

let warned = false;

export function warnOpen() {
  if (warned) return;
  warned = true;
  process.emitWarning(
    "A storage is served without `authorize`: whoever reaches the server can list, read, write and remove everything in it.",
    { type: "RustorageWarning", code: "RUSTORAGE_OPEN_SERVER" },
  );
}
