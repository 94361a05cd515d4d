/**
 * Starts Netlify Blobs on free ports: Netlify's own server for development, and before it what that leaves to the service. It takes keys as
 * they stand in URLs and lists them so; the service decodes them, and lists them in pages.
 */
import { BlobsServer } from "@netlify/blobs/server";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const TOKEN = "s3cret-token-of-the-site";
export const SITE = "site-of-the-test";

const PAGE = 100;
const REQUEST_ID = { "x-nf-request-id": "id-of-the-request" };

/** What comes back has the `url` of the edge and of the API, the `requests` that came, as `METHOD /path`, and `stop()`. */
export async function startNetlifyBlobs() {
  const directory = mkdtempSync(join(tmpdir(), "rustorage-netlify-"));
  const blobs = new BlobsServer({ directory, token: TOKEN });
  const { address } = await blobs.start();
  const requests = [];
  const server = createServer(async (request, response) => {
    const parts = [];
    for await (const part of request) parts.push(part);
    const { pathname, searchParams } = new URL(request.url, address);
    requests.push(`${request.method} ${pathname}`);
    const isListing = request.method === "GET" && isStore(pathname);
    const prefix = searchParams.get("prefix");
    if (prefix) searchParams.set("prefix", prefix.split("/").map(encodeURIComponent).join("/"));
    // It appends something to the last one.
    searchParams.append("last", "");
    const target = pathname.split("/").map(encodedOnce).join("/");
    const reply = await fetch(`${address}${target}?${searchParams}`, {
      method: request.method,
      headers: headersOf(request),
      body: request.method === "PUT" ? Buffer.concat(parts) : undefined,
    });
    const body = Buffer.from(await reply.arrayBuffer());
    const { "content-length": _, ...headers } = Object.fromEntries(reply.headers);
    response.writeHead(reply.status, { ...headers, ...REQUEST_ID });
    response.end(isListing && reply.ok ? page(JSON.parse(body), searchParams) : body);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    requests,
    async stop() {
      server.closeAllConnections();
      server.close();
      await blobs.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** The path of a store, at the edge or of the API. */
function isStore(pathname) {
  return /^(?:\/api\/v1\/blobs)?(?:\/region:[^/]+)?\/[^/]+\/[^/]+$/.test(pathname);
}

/** A part of a path, in whichever way its client encoded it; the place of a region is none of a key's. */
function encodedOnce(part) {
  return part.startsWith("region:") ? part : encodeURIComponent(decodeURIComponent(part));
}

function headersOf({ headers }) {
  const { host: _, connection: __, "content-length": ___, ...kept } = headers;
  return kept;
}

function page({ blobs }, searchParams) {
  const start = Number(searchParams.get("cursor") ?? 0);
  const listed = blobs.map((blob) => ({ ...blob, key: decodeURIComponent(blob.key) }));
  const end = start + PAGE;
  const next_cursor = end < listed.length ? `${end}` : undefined;
  return JSON.stringify({ blobs: listed.slice(start, end), directories: [], next_cursor });
}
