/** Web Requests and Responses. */
import { readBody } from "./body.js";
import { pathIn } from "./paths.js";

export function fromWeb(request) {
  const header = (name) => request.headers.get(name) ?? undefined;
  return {
    method: request.method,
    path: pathIn(request.url),
    header,
    body: (limit) => readBody(request.body, header("content-length"), limit),
    origin: { request },
  };
}

export function toResponse({ status, statusText, headers, body }) {
  return new Response(body, { status, statusText, headers });
}
