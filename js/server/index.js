/** A storage over HTTP, in the protocol of unstorage's servers and its http driver, for each kind of server. */
import { fromEvent, fromNode, send } from "./node.js";
import { createService } from "./service.js";
import { fromWeb, toResponse } from "./web.js";

/** For servers that take a web Request and give a Response. */
export function createStorageHandler(storage, options) {
  const serve = createService(storage, options, "createStorageHandler");
  return async (request) => toResponse(await serve(fromWeb(request)));
}

/** For `http.createServer` of Node. */
export function createStorageServer(storage, options) {
  const serve = createService(storage, options, "createStorageServer");
  return {
    async handle(request, response) {
      await send(request, response, await serve(fromNode(request, response)));
    },
  };
}

/** For h3 1.x, as an event handler. */
export function createH3StorageHandler(storage, options) {
  const serve = createService(storage, options, "createH3StorageHandler");
  const handler = async (event) => toResponse(await serve(fromEvent(event)));
  // What h3 knows its handlers by.
  return Object.assign(handler, { __is_handler__: true });
}
