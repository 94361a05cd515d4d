/** A server of HTTP that answers as it is told, for what real services do only now and then. */
import { once } from "node:events";
import { createServer } from "node:http";
import { onTestFinished } from "vitest";

/**
 * Starts one for the time of a test. `answer(request, response, count)` gets each request, with its `body`, and how many came before it.
 * What comes back has the `url`, the `port` and the `requests` that came.
 */
export async function serveAnswers(answer) {
  const requests = [];
  const server = createServer(async (request, response) => {
    const parts = [];
    try {
      for await (const part of request) parts.push(part);
    } catch {
      // The client gave up.
      return;
    }
    request.body = Buffer.concat(parts);
    requests.push(request);
    await answer(request, response, requests.length - 1);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  });
  const { port } = server.address();
  return { port, url: `http://127.0.0.1:${port}`, requests };
}
