/** Node's requests and responses, and the events of h3 1.x over them. */
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { isRecord } from "../runtime-options.js";
import { readBody } from "./body.js";
import { report } from "./errors.js";
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

/** Sends a reply. Where it throws, nothing has been sent; what fails later breaks the connection. */
export async function send(request, response, { status, statusText, headers, body }) {
  // `authorize` may have answered by itself.
  if (response.headersSent || response.destroyed) return;
  // Before the head: a stream that is in use already cannot be sent.
  const stream = body instanceof ReadableStream ? Readable.fromWeb(unread(body)) : undefined;
  // HTTP/2 has none.
  const reason = request.httpVersionMajor < 2 ? statusText : undefined;
  try {
    response.writeHead(status, reason, headers);
    // What is left of the request is read and dropped, or the client would not come to read the answer.
    request.resume();
    if (stream) await pipeline(stream, response);
    else response.end(body ?? undefined);
  } catch (error) {
    stream?.destroy();
    if (!response.headersSent) throw error;
    response.destroy();
    if (error.code !== "ERR_STREAM_PREMATURE_CLOSE") report(error);
  }
}

/** Node would send what is left of a stream, or nothing. */
function unread(stream) {
  if (Readable.isDisturbed(stream)) throw new TypeError("The stream has been read before");
  return stream;
}

/** A stream for h3 to send: where one breaks off half way, h3 would leave the client waiting. */
export function breakingOff(stream, response) {
  const reader = unread(stream).getReader();
  const pull = async (controller) => {
    try {
      const { done, value } = await reader.read();
      if (done) controller.close();
      else controller.enqueue(value);
    } catch (error) {
      // Before the head, h3 answers with an error.
      if (response.headersSent) {
        response.destroy();
        report(error);
      }
      throw error;
    }
  };
  return new ReadableStream(
    { pull, cancel: (reason) => reader.cancel(reason) },
    { highWaterMark: 0 },
  );
}
