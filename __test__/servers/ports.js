/** Ports for servers of our own. */
import { once } from "node:events";
import { createServer } from "node:net";

// The system gives out those above 32,768 by itself, to connections that come and go while a server starts.
const [FIRST, END] = [10_000, 22_000];
/** SeaweedFS and the members of a Redis cluster listen so far above their ports, too. */
const SECOND = 10_000;

/** The first of so many ports in a row that nobody listens on, nor 10,000 above. */
export async function freePort(count = 1) {
  for (;;) {
    const first = FIRST + Math.floor(Math.random() * (END - FIRST - count));
    const ports = Array.from({ length: count }, (_, index) => first + index);
    const listeners = [...ports, ...ports.map((port) => port + SECOND)].map((port) =>
      createServer().listen(port, "127.0.0.1"),
    );
    const opened = await Promise.allSettled(
      listeners.map((listener) => once(listener, "listening")),
    );
    await Promise.all(
      listeners.map((listener) => listener.listening && once(listener.close(), "close")),
    );
    if (opened.every(({ status }) => status === "fulfilled")) return first;
  }
}
