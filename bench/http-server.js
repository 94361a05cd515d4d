/**
 * The one server that all libraries' http drivers are measured on, in a process of its own: it speaks as unstorage's server does, over a
 * Map, with as little work as can be.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";

const file = fileURLToPath(import.meta.url);

let started;

/** Its URL. It ends with the process. */
export function server() {
  return (started ??= start());
}

async function start() {
  const child = fork(file, { execArgv: [] });
  process.once("exit", () => child.kill());
  const [url] = await once(child, "message");
  child.unref();
  child.channel.unref();
  return url;
}

if (process.send && process.argv[1] === file) {
  const items = new Map();
  const listener = (request, response) => {
    const { method, url } = request;
    if (method === "PUT") {
      const parts = [];
      request.on("data", (part) => parts.push(part));
      request.on("end", () => {
        items.set(url, Buffer.concat(parts));
        response.end("OK");
      });
    } else if (method === "DELETE") {
      items.delete(url);
      response.end("OK");
    } else if (items.has(url)) response.end(items.get(url));
    else response.writeHead(404).end();
  };
  const http = createServer({ keepAliveTimeout: 60_000 }, listener);
  http.listen(0, "127.0.0.1", () => process.send(`http://127.0.0.1:${http.address().port}`));
  process.once("disconnect", () => process.exit());
}
