/** Starts servers of storages on free ports. */
import { once } from "node:events";
import { createServer } from "node:http";

/** Starts a server of Node with what handles its requests; gives its `url`, its `port` and `stop()`. */
export async function startServer(handle) {
  const server = createServer(handle).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
