/** A TCP proxy that does to connections what networks do. */
import { once } from "node:events";
import { connect, createServer } from "node:net";

/**
 * Stands in front of `target`, a port. What comes back has `port`, `opened` (how many connections there were), `pieces` (how
 * many came from clients), and
 *
 * - `cut(how)`: ends all connections, "reset" or "half" (the server's side is closed, the client's stays open)
 * - `stall()` and `go()`: nothing passes in between
 * - `hold()`: what clients send on the connections that there are stays on its way until `go()`
 * - `slow(bytes)`: replies come in pieces of so many bytes
 * - `say(text)`: sends the text to all clients, in the server's name
 * - `swallow()`: takes what clients send and resets their connections when something has come
 * - `close()`
 */
export async function startProxy(target) {
  const pairs = new Set();
  let stalled = false;
  let piece = 0;
  let swallows = false;
  const proxy = { opened: 0, pieces: 0 };

  const server = createServer({ allowHalfOpen: true }, (client) => {
    proxy.opened++;
    const upstream = connect({ port: target, host: "127.0.0.1", allowHalfOpen: true });
    const pair = { client, upstream };
    pairs.add(pair);
    const end = () => {
      pairs.delete(pair);
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) {
      socket.setNoDelay();
      socket.on("error", end);
      socket.on("close", end);
      if (stalled) socket.pause();
    }
    client.on("data", (data) => {
      proxy.pieces++;
      if (swallows) client.resetAndDestroy();
      else upstream.write(data);
    });
    upstream.on("data", (data) => {
      const size = piece || data.length;
      for (let start = 0; start < data.length; start += size) {
        client.write(data.subarray(start, start + size));
      }
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");

  const each = (act) => {
    for (const pair of [...pairs]) act(pair);
  };
  return Object.assign(proxy, {
    port: server.address().port,
    cut(how) {
      each(({ client }) => (how === "half" ? client.end() : client.resetAndDestroy()));
    },
    stall() {
      stalled = true;
      each(({ client, upstream }) => [client, upstream].forEach((socket) => socket.pause()));
    },
    hold() {
      each(({ client }) => client.pause());
    },
    go() {
      stalled = false;
      each(({ client, upstream }) => [client, upstream].forEach((socket) => socket.resume()));
    },
    slow(bytes) {
      piece = bytes;
    },
    say(text) {
      each(({ client }) => client.write(text));
    },
    swallow(on = true) {
      swallows = on;
    },
    async close() {
      each(({ client, upstream }) => [client, upstream].forEach((socket) => socket.destroy()));
      server.close();
      await once(server, "close");
    },
  });
}
