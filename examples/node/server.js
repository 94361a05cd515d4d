/** A plain HTTP server: GET reads the item of the path, PUT writes it for as long as `?ttl=` says, DELETE removes it. */
import { createServer } from "node:http";
import { json } from "node:stream/consumers";
import { createStorage } from "rustorage";
import fs from "rustorage/drivers/fs";
import lruCache from "rustorage/drivers/lru-cache";

// In memory, unless a mount says otherwise.
const storage = createStorage()
  .mount("data", fs({ base: ".data/kv" }))
  .mount("recent", lruCache({ max: 100 }));

const server = createServer(async (request, response) => {
  const { pathname, searchParams } = new URL(request.url, "http://localhost");
  try {
    const [status, body] = await answer(request, pathname, searchParams);
    response.writeHead(status, { "content-type": "application/json" });
    response.end(JSON.stringify(body));
  } catch (error) {
    response.writeHead(400, { "content-type": "application/json" });
    response.end(JSON.stringify({ error: error.message }));
  }
});

async function answer(request, key, query) {
  switch (request.method) {
    case "PUT":
      await storage.set(key, await json(request), { ttl: Number(query.get("ttl") ?? 0) });
      return [200, { written: key }];
    case "DELETE":
      await storage.remove(key);
      return [200, { removed: key }];
    default: {
      const value = await storage.get(key);
      return value === null ? [404, { error: `No item ${key}` }] : [200, { value }];
    }
  }
}

server.listen(process.env.PORT ?? 3000, process.env.HOST);
