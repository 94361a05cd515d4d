/**
 * The one server that all libraries' http drivers are measured on, in a process of its own: it speaks as unstorage's server does, over a
 * Map, with as little work as can be.
 */
import { fileURLToPath } from "node:url";
import { serveIn, startedOnce } from "./child.js";

const file = fileURLToPath(import.meta.url);

/** Its URL. */
export const server = startedOnce(file);

serveIn(file, () => {
  const items = new Map();
  return (request, response) => {
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
});
