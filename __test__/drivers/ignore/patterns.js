/** Generators of patterns, well-formed and not, and the files that they are tried on. */
import fc from "fast-check";

const ATOMS = [
  ..."abc.-*?",
  ..."ab*",
  "**",
  "[ab]",
  "[!a]",
  "[a-b]",
  "[^.]",
  "[[:alpha:]]",
  "[[:upper:][:digit:]]",
  "[[:graph:]]",
  "[[:punct:]a]",
  "é",
  "😀",
  "1",
];
const text = fc.array(fc.constantFrom(...ATOMS), { maxLength: 4 }).map((atoms) => atoms.join(""));
const SEQUENCES = ["{1..3}", "{a..c}", "{01..12..3}", "{c..a}", "{}"];

const { segment } = fc.letrec((tie) => ({
  group: fc
    .tuple(fc.constantFrom(..."!?+*@"), fc.array(tie("inner"), { minLength: 1, maxLength: 3 }))
    .map(([kind, alternatives]) => `${kind}(${alternatives.join("|")})`),
  braces: fc.oneof(
    fc.array(tie("inner"), { minLength: 1, maxLength: 3 }).map((parts) => `{${parts.join(",")}}`),
    fc.constantFrom(...SEQUENCES),
  ),
  inner: fc.oneof(
    { depthSize: "small" },
    { weight: 4, arbitrary: text },
    tie("group"),
    tie("braces"),
    fc.tuple(tie("group"), text).map((parts) => parts.join("")),
  ),
  segment: fc
    .array(fc.oneof({ weight: 3, arbitrary: text }, tie("group"), tie("braces")), {
      minLength: 1,
      maxLength: 3,
    })
    .map((parts) => parts.join("")),
}));

const several = fc
  .array(
    fc.oneof(fc.constantFrom("**", "*", "", "..", ".", "d", ".h", "a~"), segment, segment, segment),
    { minLength: 1, maxLength: 5 },
  )
  .map((segments) => segments.join("/"));

const noise = fc
  .array(fc.constantFrom(..."aab.*?[]{}()|!+@,/-^:~1"), { maxLength: 14 })
  .map((characters) => characters.join(""));

/** An absolute pattern is no glob; a long one, or a sequence by steps of 0, can keep node busy for ever. */
export const patterns = fc
  .oneof({ weight: 3, arbitrary: segment }, { weight: 4, arbitrary: several }, noise)
  .filter(
    (pattern) => pattern.length <= 60 && !pattern.startsWith("/") && !/\.\.-?0+\}/.test(pattern),
  );

const NAMES = ["a", "b", "ab", "abc", "a.b", ".a", "A", "a-b", "[a]", "{a,b}", "12", "+(a)"];
const MORE = ["é", "😀", "a b", "aab", "bbb", "!a", "@()", "a{b", "..b", "x.md"];
const under = (folder, names) => names.map((name) => `${folder}/${name}`);

export const FILES = [
  ...NAMES,
  ...MORE,
  ...under("d", [...NAMES, ...MORE]),
  ...["a~", ".h", "1~"].flatMap((folder) => under(`d/${folder}`, NAMES)),
  ...under(".dot", NAMES),
  ...under(".dot/.h", NAMES),
  ...under("ab~/b~/ab~", NAMES),
  ...under("a~/.h/d", NAMES),
  ...under("node_modules", NAMES),
  ...under("node_modules/.bin", ["a"]),
  ...under("d/node_modules/a~", ["a", ".a"]),
];
