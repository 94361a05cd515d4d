/** A text of 100 bytes in memory, read through each library's server: as a web Request, and over a connection of Node's. */
import { createApp, toWebHandler } from "h3";
import { Agent, get as request } from "node:http";
import { setImmediate } from "node:timers/promises";
import { startServer } from "../../__test__/servers/storage.js";
import { unstorageHandle } from "../../__test__/servers/unstorage.js";
import { list, text } from "../data.js";

const KEYS = list(1000, (index) => `users/${index % 10}/${index}`);
/** How many requests are in flight. */
const WIDTH = 16;

async function filled({ createStorage, memory }) {
  const storage = createStorage({ driver: memory() });
  for (const [index, key] of KEYS.entries()) await storage.setItem(key, text(100, index));
  return storage;
}

function together(read, index) {
  return Promise.all(list(WIDTH, (offset) => read(KEYS[(index * WIDTH + offset) % KEYS.length])));
}

const authorize = () => undefined;

async function web(lib) {
  const storage = await filled(lib);
  const handle = lib.createStorageHandler
    ? lib.createStorageHandler(storage, { authorize })
    : toWebHandler(createApp().use(lib.createH3StorageHandler(storage, { authorize })));
  const read = async (key) => (await handle(new Request(`http://localhost/${key}`))).text();
  return async (index) => {
    const texts = await together(read, index);
    // Requests come by the event loop, and between its turns Node lets go of what bodies held.
    await setImmediate();
    return texts;
  };
}

async function node(lib) {
  const storage = await filled(lib);
  const server = await startServer(
    lib.createStorageServer
      ? lib.createStorageServer(storage, { authorize }).handle
      : unstorageHandle(storage, { authorize }),
  );
  const agent = new Agent({ keepAlive: true, maxSockets: WIDTH });
  const read = (key) =>
    new Promise((resolve, reject) => {
      const asked = request(`${server.url}/${key}`, { agent }, (response) => {
        let body = "";
        response.setEncoding("utf8");
        response.on("data", (part) => (body += part));
        response.on("end", () => resolve(body));
      });
      asked.on("error", reject);
    });
  return (index) => together(read, index);
}

export const cells = [
  { name: "get 100 B x16, web", bar: 0.8, aim: 1, setup: web },
  { name: "get 100 B x16, Node", bar: 1, setup: node },
];
