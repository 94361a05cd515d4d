/** All cells, by the heading they stand under. */
import { cells as fs } from "./cells/fs.js";
import { cells as javascriptDriver } from "./cells/javascript-driver.js";
import { cells as lruCache } from "./cells/lru-cache.js";
import { cells as hard } from "./cells/memory-hard.js";
import { cells as many } from "./cells/memory-many.js";
import { cells as objects } from "./cells/memory-objects.js";
import { cells as text } from "./cells/memory-text.js";
import { cells as processes } from "./cells/processes.js";

const GROUPS = {
  "memory: text": text,
  "memory: objects": objects,
  "memory: batches and lists": many,
  "memory: what should win least": hard,
  "lru-cache": lruCache,
  "javascript driver": javascriptDriver,
  fs,
  "import and heap": processes,
};

/** The groups with those cells whose heading and name hold `only`. */
export function groups(only = "") {
  return Object.entries(GROUPS)
    .map(([title, cells]) => [
      title,
      cells.filter(({ name }) => `${title}: ${name}`.includes(only)),
    ])
    .filter(([, cells]) => cells.length > 0);
}
