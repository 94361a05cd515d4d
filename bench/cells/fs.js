/** Files of 100 bytes that the page cache holds. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { list, text } from "../data.js";

const KEYS = list(1000, (index) => `users:${index % 10}:${index}`);
const VALUES = list(1000, (index) => text(100, index));

const folder = mkdtempSync(join(tmpdir(), "rustorage-bench-"));
process.once("exit", () => rmSync(folder, { recursive: true, force: true }));

function open({ createStorage, fs }, options) {
  const base = mkdtempSync(join(folder, "base-"));
  return createStorage({ driver: fs({ base, ...options }) });
}

async function filled(lib, options) {
  const storage = open(lib, options);
  for (const [index, key] of KEYS.entries()) await storage.setItem(key, VALUES[index]);
  return storage;
}

const key = (index) => KEYS[index % KEYS.length];

let read;

/** The event loop's delay (p99) while a thousand reads are in flight, over and over. */
async function delay(lib) {
  read ??= await get(1000)(lib);
  const histogram = monitorEventLoopDelay({ resolution: 1 });
  histogram.enable();
  for (let index = 0; index < 5; index++) await read(index);
  histogram.disable();
  return histogram.percentile(99);
}

/** `width` calls at a time. */
function at(width, call) {
  if (width === 1) return call;
  return (index) => Promise.all(list(width, (offset) => call(index * width + offset)));
}

function get(width) {
  return async (lib) => {
    const storage = await filled(lib);
    return at(width, (index) => storage.getItem(key(index)));
  };
}

function overwrite(width, options) {
  return async (lib) => {
    const storage = await filled(lib, options);
    return at(width, (index) => storage.setItem(key(index), VALUES[(index * 7) % 1000]));
  };
}

async function getBatch(lib) {
  const storage = await filled(lib);
  return (index) => {
    const start = (index * 37) % 900;
    return storage.getItems(KEYS.slice(start, start + 100));
  };
}

function newFile(lib) {
  const storage = open(lib);
  return (index) => storage.setItem(`new:${index % 100}:${index}`, VALUES[index % 1000]);
}

async function missing(lib) {
  const storage = await filled(lib);
  return (index) => storage.getItem(`users:${index % 10}:none${index}`);
}

async function has(lib) {
  const storage = await filled(lib);
  return (index) => storage.hasItem(key(index));
}

async function allKeys(lib) {
  const storage = await filled(lib);
  return () => storage.getKeys();
}

// Only ours knows these options: the others always write in place.
const inPlace = { atomic: false };
const durable = { durable: true };

export const cells = [
  { name: "get", bar: 3, aim: 5, setup: get(1) },
  { name: "get x64", bar: 5, aim: 9, setup: get(64) },
  { name: "get x1000", bar: 6, aim: 10, setup: get(1000) },
  { name: "get x1000: delay of the event loop, p99", bar: 1, sample: delay },
  { name: "getItems of 100", bar: 8, aim: 12, setup: getBatch },
  { name: "overwrite", bar: 1.1, aim: 1.5, setup: overwrite(1) },
  { name: "overwrite x64", bar: 1.1, aim: 1.5, setup: overwrite(64) },
  { name: "overwrite, atomic: false", bar: 2, aim: 10, setup: overwrite(1, inPlace) },
  { name: "overwrite x64, atomic: false", bar: 2, aim: 10, setup: overwrite(64, inPlace) },
  { name: "overwrite, durable", setup: overwrite(1, durable) },
  { name: "overwrite x64, durable", setup: overwrite(64, durable) },
  { name: "new file", bar: 1.5, aim: 3, setup: newFile },
  { name: "get, missing key", bar: 1.5, aim: 10, setup: missing },
  { name: "has", bar: 0.9, aim: 1.5, setup: has },
  { name: "getKeys of 1,000", bar: 3, aim: 10, setup: allKeys, unordered: true },
];
