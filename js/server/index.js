/** A storage over HTTP, in the protocol of unstorage's servers and its http driver, for each kind of server. */
import { report } from "./errors.js";
import { breakingOff, fromEvent, fromNode, send } from "./node.js";
import { createService } from "./service.js";
import { fromWeb, toResponse } from "./web.js";

/** For servers that take a web Request and give a Response. */
export function createStorageHandler(storage, options) {
  const serve = createService(storage, options, "createStorageHandler");
  return (request) => serve(fromWeb(request), toResponse);
}

/** For `http.createServer` of Node. */
export function createStorageServer(storage, options) {
  const serve = createService(storage, options, "createStorageServer");
  return {
    async handle(request, response) {
      try {
        await serve(fromNode(request, response), (reply) => send(request, response, reply));
      } catch (error) {
        // Not even an error can be answered. Nobody waits for what this gives: it would end the process.
        report(error);
        response.destroy();
      }
    },
  };
}

/** For h3 1.x, as an event handler. */
export function createH3StorageHandler(storage, options) {
  const serve = createService(storage, options, "createH3StorageHandler");
  const handler = (event) =>
    serve(fromEvent(event), (reply) => {
      if (reply.body instanceof ReadableStream) {
        reply.body = breakingOff(reply.body, event.node.res);
      }
      return toResponse(reply);
    });
  // What h3 knows its handlers by.
  return Object.assign(handler, { __is_handler__: true });
}
