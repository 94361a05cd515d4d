/** Node's requests and responses, and the events of h3 1.x over them. */
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { isRecord } from "../runtime-options.js";
import { readBody } from "./body.js";
import { pathIn } from "./paths.js";

export function fromNode(request, response) {
  return fromEvent(new NodeEvent(request, response));
}

/** As much of an event of h3 as code that was written for it needs. */
class NodeEvent {
  context = {};
  #headers;

  constructor(req, res) {
    this.node = { req, res };
  }

  get method() {
    return this.node.req.method;
  }

  get path() {
    return this.node.req.url;
  }

  get headers() {
    this.#headers ??= new Headers(
      Object.entries(this.node.req.headers)
        // HTTP/2 has the method and the path among them.
        .filter(([name]) => !name.startsWith(":"))
        .map(([name, value]) => [name, String(value)]),
    );
    return this.#headers;
  }
}

export function fromEvent(event) {
  const { req } = event.node;
  const header = (name) => req.headers[name]?.toString();
  return {
    method: event.method,
    // h3 has decoded `event.path` already, and `%25` in it is lost.
    path: pathIn(req.url),
    header,
    body: (limit) => readBody(bodyOf(req), header("content-length"), limit),
    origin: { event },
  };
}

/** The request's body, or what a server or a parser before this one has read of it already. */
function bodyOf(req) {
  const read = req.rawBody ?? req.body;
  // Left open, so that there is a connection to refuse a body on.
  if (read === undefined || isUnread(req, read)) return req.iterator({ destroyOnReturn: false });
  if (ArrayBuffer.isView(read)) return [read];
  if (typeof read?.[Symbol.asyncIterator] === "function") return read;
  return [Buffer.from(typeof read === "string" ? read : JSON.stringify(read))];
}

/** Express's parsers leave `{}` where a body is not for them. */
function isUnread(req, read) {
  const isEmpty = isRecord(read) && Object.keys(read).length === 0;
  return isEmpty && req.readableDidRead === false && !req.readableEnded;
}

export async function send(request, response, { status, statusText, headers, body }) {
  // `authorize` may have answered by itself.
  if (response.headersSent || response.destroyed) return;
  // HTTP/2 has none.
  const reason = request.httpVersionMajor < 2 ? statusText : undefined;
  response.writeHead(status, reason, headers);
  // What is left of the request is read and dropped, or the client would not come to read the answer.
  request.resume();
  if (!(body instanceof ReadableStream)) {
    response.end(body ?? undefined);
    return;
  }
  try {
    await pipeline(Readable.fromWeb(body), response);
  } catch (error) {
    if (error.code !== "ERR_STREAM_PREMATURE_CLOSE") console.error("[rustorage] [server]", error);
  }
}
