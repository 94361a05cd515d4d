/** What sequences are made of: mounts, and operations with their arguments, few keys and many odd ones. */
import fc from "fast-check";
import { DRIVERS } from "./drivers.js";

const CALLS = 40;

class Point {
  x = 1;
}

const TEXTS = [
  ...["text", "", " ", "true", " true ", "FALSE", "null", "undefined", "NaN", "nan", "Infinity"],
  ...["-infinity", "007", "0", "-0", "1.50", "1e3", "1E400", "12345678901234567", "0x10", "+1"],
  ...[
    '"quoted"',
    '"half',
    '"esc\\"aped"',
    '{"a":1}',
    "{broken",
    "[1,",
    ' [1, {"b":2}] ',
    "é",
    "\u00a0true",
  ],
  ...["ключ", "😀", "low \udc00", "base64:AQID", "base64:!", "__OVERLAY_REMOVED__", "two\nlines"],
  ...['{"__proto__":{"a":1},"b":2}', '{"constructor":{"prototype":{}},"b":2}', '{"constructor":1}'],
];

const NUMBERS = [
  0,
  -0,
  1,
  -7,
  0.1,
  1e16,
  2 ** 31,
  2 ** 53,
  -1e21,
  5e-324,
  NaN,
  Infinity,
  -Infinity,
];

const OBJECTS = [
  {},
  [],
  { a: 1, b: { c: [true, null, "d"] } },
  { __proto__: null, a: 1 },
  JSON.parse('{"__proto__":{"a":1},"b":2}'),
  { constructor: { prototype: 1 }, b: 2 },
  { constructor: "text" },
  { a: undefined, b: () => {}, c: NaN, d: -0, e: Symbol("e") },
  { date: new Date(0), list: [new Date(1)] },
  { map: new Map([[1, 2]]), point: new Point(), bytes: new Uint8Array(2) },
  { toJSON: () => ({ from: "toJSON" }) },
  { toJSON: () => "text" },
  { toJSON: () => undefined },
  { nested: { toJSON: () => [1] } },
  { 10: "ten", z: 1, 2: "two", a: 1 },
  { lone: "\ud800", "\udc00": 1 },
  Object.assign([], { 0: 1, 3: "after holes" }),
  [undefined, () => {}, Symbol("s"), -0, NaN],
  [[[[[]]]], { a: [{}] }],
  new Date(0),
  Object.freeze({ frozen: Object.freeze([1]) }),
];

/** What cannot be stored, or is stored as nothing. */
const STRANGE = [
  undefined,
  null,
  true,
  false,
  12n,
  { big: 12n },
  () => {},
  Object.assign(() => {}, { toJSON: () => 1 }),
  Symbol("value"),
  new Map([["a", 1]]),
  new Set(),
  new Point(),
  new Uint8Array([1, 2]),
  /regular/,
  new Error("value"),
];

const RAW = [
  new Uint8Array([0, 1, 255]),
  new Uint8Array([9, 8, 7, 6]).subarray(1, 3),
  new Uint8Array(0),
  Buffer.from("héllo"),
  Buffer.from('{"a":1}'),
  new Uint16Array([1, 2]),
  new DataView(new ArrayBuffer(3)),
  new ArrayBuffer(2),
];

const value = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...TEXTS) },
  { weight: 2, arbitrary: fc.constantFrom(...NUMBERS) },
  { weight: 4, arbitrary: fc.constantFrom(...OBJECTS) },
  { weight: 2, arbitrary: fc.constantFrom(...STRANGE) },
  { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 3 }) },
);

const rawValue = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...RAW) },
  { weight: 1, arbitrary: fc.constantFrom(...TEXTS) },
  { weight: 1, arbitrary: fc.constantFrom(...OBJECTS, ...STRANGE) },
);

const ODD_KEYS = [
  ...[
    "",
    ":",
    "/",
    "?",
    ".",
    "..",
    "a:..",
    "../a",
    "a/./b",
    "a..:b",
    "a?b",
    "a?",
    "?a",
    ":a:",
    "//a//b/",
  ],
  ...[
    "a$",
    "a:b$",
    "$",
    "é:ж",
    "😀",
    "a:\ud800",
    " a ",
    "A",
    "__proto__:x",
    "constructor:prototype",
    "a\nb",
  ],
];

const plainKey = fc
  .array(fc.constantFrom("a", "b", "c", "d"), { minLength: 1, maxLength: 4 })
  .chain((segments) =>
    fc.constantFrom(":", ":", ":", "/", "\\", "::").map((separator) => segments.join(separator)),
  );

const key = fc.oneof(
  { weight: 12, arbitrary: plainKey },
  { weight: 3, arbitrary: fc.constantFrom(...ODD_KEYS) },
);

/** Keys of a call that no caller should make. */
const anyKey = fc.oneof(
  { weight: 40, arbitrary: key },
  { weight: 1, arbitrary: fc.constantFrom(undefined, null, 0, 5) },
);

const base = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(undefined, "", "a", "b", "a:b", "c:") },
  { weight: 2, arbitrary: key },
);

const mountPoint = fc.constantFrom("a", "b", "a:b", "a:b:c", "b:d", "ab", "c");
const kind = fc.constantFrom(...Object.keys(DRIVERS));

const readOptions = fc.oneof(
  { weight: 2, arbitrary: fc.constant(undefined) },
  {
    weight: 1,
    arbitrary: fc.constantFrom("text", "json", "bytes", "blob", "stream").map((type) => ({ type })),
  },
);
const itemType = fc.constantFrom(
  undefined,
  {},
  { type: "text" },
  { type: "json" },
  { type: "bytes" },
);

/** Lives in seconds; `pass` lets as much time go by. */
const writeOptions = fc.constantFrom(
  undefined,
  undefined,
  undefined,
  {},
  ...[1, 2, 0.5, 0, NaN, Infinity].map((ttl) => ({ ttl })),
);

const asked = fc.oneof(
  key,
  key.map((name) => ({ key: name })),
  fc.record({ key, options: itemType }),
);
const given = fc.oneof(
  fc.record({ key: plainKey, value }),
  fc.record({ key, value, options: fc.oneof(writeOptions, fc.constant({ own: true })) }),
);

const meta = fc.oneof(
  fc.constantFrom(
    { mtime: new Date(0), a: 1 },
    { atime: "2020-01-01T00:00:00.000Z", mtime: "2021", size: -1 },
    { mtime: 5 },
    [1, 2],
  ),
  value,
);

const SNAPSHOTS = [
  {},
  { a: 1, "b/c": { d: [1] } },
  { a$: { x: 1 }, "": 1 },
  { b: undefined },
  { c: null },
];

/** Missing arguments at the end are left out, as a caller would. */
function call(weight, method, ...args) {
  const trimmed = fc.tuple(...args).map((list) => {
    while (list.length > 0 && list.at(-1) === undefined) list.pop();
    return list;
  });
  const arbitrary = fc.record({
    target: fc.constantFrom("storage", "storage", "view"),
    method: fc.constantFrom(...method),
    args: trimmed,
    detached: fc.boolean(),
  });
  return { weight, arbitrary };
}

/** As `call`, of methods that a view hands over to the storage as they are. */
function storageCall(weight, method, ...args) {
  const { arbitrary } = call(weight, method, ...args);
  return { weight, arbitrary: arbitrary.map((operation) => ({ ...operation, target: "storage" })) };
}

const operation = fc.oneof(
  { withCrossShrink: true },
  // What a call shrinks to.
  { weight: 1, arbitrary: fc.constant(undefined) },
  call(24, ["setItem", "set"], anyKey, value, writeOptions),
  call(8, ["setItemRaw"], anyKey, rawValue, writeOptions),
  call(16, ["getItem", "get"], anyKey, readOptions),
  call(6, ["getItemRaw"], anyKey),
  call(6, ["hasItem", "has"], anyKey),
  call(
    8,
    ["removeItem", "del", "remove"],
    anyKey,
    fc.constantFrom(undefined, {}, true, false, { removeMeta: true }, { removeMata: true }),
  ),
  call(5, ["getItems"], fc.array(asked, { maxLength: 6 }), itemType),
  call(
    5,
    ["setItems"],
    fc.array(given, { maxLength: 6 }),
    fc.constantFrom(undefined, {}, { common: 1 }, { ttl: 1 }),
  ),
  call(4, ["getMeta"], anyKey, fc.constantFrom(undefined, {}, true, { nativeOnly: true })),
  call(4, ["setMeta"], anyKey, meta, writeOptions),
  call(3, ["pass"], fc.constantFrom(1, 499, 500, 999, 1000, 2000)),
  call(2, ["removeMeta"], anyKey),
  call(
    8,
    ["getKeys", "keys"],
    base,
    fc.constantFrom(
      undefined,
      {},
      { maxDepth: 0 },
      { maxDepth: 1 },
      { maxDepth: 2 },
      { maxDepth: 9 },
    ),
  ),
  call(4, ["clear"], base),
  call(3, ["watch"]),
  call(1, ["stopWatching"]),
  call(1, ["unwatch"]),
  call(2, ["mount"], fc.oneof(mountPoint, base), kind),
  call(2, ["unmount"], fc.oneof(mountPoint, base), fc.constantFrom(undefined, true, false)),
  storageCall(2, ["getMount"], base),
  storageCall(2, ["getMounts"], base, fc.constantFrom(undefined, {}, { parents: true })),
  call(1, ["dispose"]),
  call(1, ["snapshot"], base),
  call(1, ["restoreSnapshot"], fc.constantFrom(...SNAPSHOTS), base),
);

export const sequence = fc.record({
  mounts: fc.record({
    root: kind,
    mounts: fc.array(fc.record({ base: mountPoint, kind }), { maxLength: 4 }),
  }),
  operations: fc.array(operation, { minLength: CALLS, maxLength: CALLS }),
});
