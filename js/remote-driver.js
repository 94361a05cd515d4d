/** What drivers behind a network have in common. */
import { close, createNativeDriver } from "./native-driver.js";
import { rawToText, textToRaw } from "./serialize.js";

/**
 * Makes a driver as `createNativeDriver` does, with native metadata and `dispose`. `toMeta` makes the metadata of the fields
 * that the addon gives; `watches`: it tells of changes that others make.
 */
export function createRemoteDriver(
  name,
  options,
  { methods, toMeta = same, watches = false, ...more } = {},
) {
  return createNativeDriver(name, options, {
    toMeta: (list) => toMeta(toFields(list)),
    raw: { encode: encodeRaw },
    watches: watches ? same : undefined,
    ...more,
    methods: (owner) => ({
      ...methods?.(owner),
      dispose: () => close(owner),
    }),
  });
}

function same(value) {
  return value;
}

/** Fields come as a name and a value each. */
function toFields(list) {
  const fields = {};
  for (let index = 0; index < list.length; index += 2) fields[list[index]] = list[index + 1];
  return fields;
}

/** What is sent of a raw value: text and bytes as they are, and JSON of anything else. */
export function encodeRaw(value) {
  const isBinary =
    ArrayBuffer.isView(value) || value instanceof ArrayBuffer || value instanceof SharedArrayBuffer;
  return typeof value === "string" || isBinary ? value : JSON.stringify(value);
}

/** Raw values as text, with `base64:` in front of bytes: what unstorage makes of them where a driver keeps only text. */
export const RAW_AS_TEXT = {
  encode: rawToText,
  decode: (bytes) => (bytes === null ? null : textToRaw(bytes.toString())),
};
