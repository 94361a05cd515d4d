/** Values of 100 bytes at a server on this machine that speaks as unstorage's does. */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { list, text } from "../data.js";
import { server } from "../http-server.js";

const KEYS = list(1000, (index) => `users:${index % 10}:${index}`);
const VALUES = list(1000, (index) => text(100, index));

async function filled({ name, createStorage, http }) {
  const base = `${await server()}/${name.replace(" ", "-")}`;
  const storage = createStorage({ driver: http({ base }) });
  for (let start = 0; start < KEYS.length; start += 50) {
    const keys = KEYS.slice(start, start + 50);
    await Promise.all(keys.map((key, index) => storage.setItem(key, VALUES[start + index])));
  }
  return storage;
}

const key = (index) => KEYS[index % KEYS.length];

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

async function set(lib) {
  const storage = await filled(lib);
  return (index) => storage.setItem(key(index), VALUES[(index * 7) % 1000]);
}

async function getBatch(lib) {
  const storage = await filled(lib);
  return (index) => {
    const start = (index * 37) % 900;
    return storage.getItems(KEYS.slice(start, start + 100));
  };
}

let read;

/** The event loop's delay (p99) while 64 reads are in flight, over and over. */
async function delay(lib) {
  read ??= await get(64)(lib);
  const histogram = monitorEventLoopDelay({ resolution: 1 });
  histogram.enable();
  for (let index = 0; index < 50; index++) await read(index);
  histogram.disable();
  return histogram.percentile(99);
}

export const cells = [
  { name: "get", bar: 1.2, setup: get(1) },
  { name: "set", bar: 1, setup: set },
  { name: "get x64", bar: 2, setup: get(64) },
  { name: "getItems of 100", bar: 2, setup: getBatch },
  { name: "get x64: delay of the event loop, p99", bar: 1, sample: delay },
];
