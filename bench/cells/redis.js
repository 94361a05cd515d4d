/** Values of 100 bytes in Redis servers on this machine. */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { list, text } from "../data.js";
import { server } from "../redis-server.js";

const KEYS = list(1000, (index) => `users:${index % 10}:${index}`);
const VALUES = list(1000, (index) => text(100, index));

async function filled({ name, createStorage, redis }, kind = "plain") {
  const options = await server(kind);
  const storage = createStorage({ driver: redis({ ...options, base: name.replace(" ", "-") }) });
  await Promise.all(KEYS.map((key, index) => storage.setItem(key, VALUES[index])));
  return storage;
}

const key = (index) => KEYS[index % KEYS.length];

/** `width` calls at a time. */
function at(width, call) {
  if (width === 1) return call;
  return (index) => Promise.all(list(width, (offset) => call(index * width + offset)));
}

function get(width, kind) {
  return async (lib) => {
    const storage = await filled(lib, kind);
    return at(width, (index) => storage.getItem(key(index)));
  };
}

function set(width, kind) {
  return async (lib) => {
    const storage = await filled(lib, kind);
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

async function setBatch(lib) {
  const storage = await filled(lib);
  return (index) => {
    const start = (index * 37) % 900;
    const item = (offset) => ({
      key: KEYS[start + offset],
      value: VALUES[(index + offset) % 1000],
    });
    return storage.setItems(list(100, item));
  };
}

async function allKeys(lib) {
  const storage = await filled(lib);
  return () => storage.getKeys();
}

let read;

/** The event loop's delay (p99) while a thousand reads are in flight, over and over. */
async function delay(lib) {
  read ??= await get(1000)(lib);
  const histogram = monitorEventLoopDelay({ resolution: 1 });
  histogram.enable();
  for (let index = 0; index < 20; index++) await read(index);
  histogram.disable();
  return histogram.percentile(99);
}

export const cells = [
  { name: "get", bar: 0.9, aim: 1.5, setup: get(1) },
  { name: "set", bar: 0.9, aim: 1.5, setup: set(1) },
  { name: "get x64", bar: 4, aim: 10, setup: get(64) },
  { name: "set x64", bar: 4, aim: 10, setup: set(64) },
  { name: "get x1000", bar: 4, aim: 10, setup: get(1000) },
  { name: "set x1000", bar: 4, aim: 10, setup: set(1000) },
  { name: "get x1000: delay of the event loop, p99", bar: 1, sample: delay },
  { name: "getItems of 100", bar: 2, aim: 4, setup: getBatch },
  { name: "setItems of 100", bar: 1.1, aim: 2, setup: setBatch },
  { name: "getKeys of 1,000", setup: allKeys, unordered: true },
  { name: "TLS: get x64", bar: 3, setup: get(64, "tls") },
  { name: "TLS: set x64", bar: 3, setup: set(64, "tls") },
  { name: "cluster: get x64", bar: 3, setup: get(64, "cluster") },
  { name: "cluster: set x64", bar: 3, setup: set(64, "cluster") },
];
