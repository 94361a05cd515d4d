/** What only a process of its own can tell: a cold import, the heap, pauses. */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";

/** What the program in `processes/` prints for a library. */
function measure(program, lib) {
  const file = fileURLToPath(new URL(`../processes/${program}.js`, import.meta.url));
  return JSON.parse(execFileSync(process.execPath, ["--expose-gc", file, lib.name]));
}

/** Cells that share one process for each library and round. */
function shared(program, rounds, cells) {
  const known = new Map();
  const sample = (lib, round, field) => {
    const id = `${lib.name} ${round}`;
    if (!known.has(id)) known.set(id, measure(program, lib));
    return known.get(id)[field];
  };
  return cells.map(({ field, ...cell }) => ({
    ...cell,
    rounds,
    sample: (lib, round) => sample(lib, round, field),
  }));
}

export const cells = [
  ...shared("import", Infinity, [
    {
      name: "cold import with memory, lru-cache, fs, redis",
      field: "time",
      unit: "ns",
      bar: 1,
      aim: 5,
    },
  ]),
  ...shared("small-items", 3, [
    { name: "1,000,000 texts of 30 B: heap", field: "heap", unit: "MB", bar: 2, aim: 3 },
    {
      name: "1,000,000 texts of 30 B: longest full collection",
      field: "collection",
      unit: "ns",
      bar: 2,
      aim: 3,
    },
    { name: "1,000,000 texts of 30 B: memory of the process", field: "rss", unit: "MB" },
  ]),
  ...shared("pauses", 3, [
    { name: "50,000 objects of 1 KB: heap", field: "heap", unit: "MB" },
    { name: "50,000 objects of 1 KB: longest pause while writing", field: "pause", unit: "ns" },
  ]),
];
