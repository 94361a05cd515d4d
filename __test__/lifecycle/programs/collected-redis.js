/** Lets go of a storage while its call still waits for the server, which then comes. */
import { once } from "node:events";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { createStorage } from "rustorage";
import redis from "rustorage/drivers/redis";

const port = Number(process.argv[2]);

let collected = false;
const registry = new FinalizationRegistry(() => {
  collected = true;
});

function call() {
  const driver = redis({ port, retryStrategy: 50 });
  registry.register(driver, undefined);
  return createStorage({ driver }).getItem("a");
}

const pending = call();
while (!collected) {
  globalThis.gc();
  await sleep(20);
}
// Those of the driver's own come in a turn after it.
await sleep(100);
const server = createServer((socket) => {
  socket.once("data", () => {
    // It is asked what it calls the connection, and whether it is ready.
    socket.write("-ERR\r\n+PONG\r\n");
    socket.once("data", () => socket.write("$4\r\ntext\r\n"));
  });
}).listen(port, "127.0.0.1");
await once(server, "listening");
const value = await pending;
server.close();
console.log(JSON.stringify(value));
process.exit();
