/** Servers in processes of their own, so that what is measured shares none of their work. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";

/** What gives the URL of the server that `file` is. It is started once, and ends with this process. */
export function startedOnce(file) {
  let started;
  return () => (started ??= start(file));
}

async function start(file) {
  const child = fork(file, { execArgv: [] });
  process.once("exit", () => child.kill());
  const [url] = await once(child, "message");
  child.unref();
  child.channel.unref();
  return url;
}

/** Makes `file` that server where this process was started for it; `listenerOf` makes what answers. */
export function serveIn(file, listenerOf) {
  if (!process.send || process.argv[1] !== file) return;
  const http = createServer({ keepAliveTimeout: 60_000 }, listenerOf());
  http.listen(0, "127.0.0.1", () => process.send(`http://127.0.0.1:${http.address().port}`));
  process.once("disconnect", () => process.exit());
}
