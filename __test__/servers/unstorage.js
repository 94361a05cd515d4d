/** What unstorage's own servers, version 1 and 2, make of a storage: handlers of Node's requests. */
import { createStorageHandler } from "unstorage/server";
import { createStorageServer } from "unstorage-v1/server";

export function unstorageHandle(storage, options, version = 2) {
  return version === 1
    ? createStorageServer(storage, options).handle
    : overWeb(createStorageHandler(storage, options));
}

function overWeb(handle) {
  return async (request, response) => {
    const { method, url, headers } = request;
    const parts = [];
    for await (const part of request) parts.push(part);
    const body = method === "PUT" ? Buffer.concat(parts) : undefined;
    const answer = await handle(new Request(`http://localhost${url}`, { method, headers, body }));
    response.writeHead(answer.status, Object.fromEntries(answer.headers));
    response.end(Buffer.from(await answer.arrayBuffer()));
  };
}
