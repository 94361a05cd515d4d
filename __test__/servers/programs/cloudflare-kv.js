/**
 * Workers KV as Cloudflare's REST API has it, over miniflare, which is Cloudflare's own emulator: it has reading, writing and listing. What it
 * lacks is filled in here by its bindings: metadata, and writing and removing in bulk. Who asks, and the API's limits, are looked at.
 * https://developers.cloudflare.com/api/resources/kv/, https://developers.cloudflare.com/kv/platform/limits/
 */
import { createServer } from "node:http";
import { Miniflare } from "miniflare";

const [, , port, namespace, token] = process.argv;
const BASE = `/client/v4/accounts/account/storage/kv/namespaces/${namespace}`;

const miniflare = new Miniflare({
  modules: true,
  script: "export default { fetch: () => new Response() }",
  kvNamespaces: { KV: namespace },
  unsafeLocalExplorer: true,
  host: "127.0.0.1",
  port: 0,
});
const origin = await miniflare.ready;
const kv = await miniflare.getKVNamespace("KV");

const fail = (status, message) => [status, { success: false, errors: [{ code: 10_000, message }] }];
const done = (result) => [200, { success: true, errors: [], result }];

async function metadata(name) {
  const { value, metadata: kept } = await kv.getWithMetadata(name);
  return value === null ? fail(404, "key not found") : done(kept);
}

async function writeAll(pairs) {
  if (pairs.length > 10_000) return fail(400, "too many pairs");
  if (pairs.some((pair) => pair.expiration_ttl < 60)) return fail(400, "Invalid expiration_ttl");
  for (const { key, value, expiration_ttl: expirationTtl } of pairs) {
    await kv.put(key, value, { expirationTtl });
  }
  return done({ successful_key_count: pairs.length });
}

async function removeAll(names) {
  if (names.length > 10_000) return fail(400, "too many keys");
  for (const name of names) await kv.delete(name);
  return done({ successful_key_count: names.length });
}

async function answer(request, path, body) {
  const authorized =
    request.headers.authorization === `Bearer ${token}` ||
    request.headers["x-auth-user-service-key"] === token ||
    (request.headers["x-auth-email"] === "me@example.com" &&
      request.headers["x-auth-key"] === token);
  if (!authorized) return fail(401, `Authentication error: ${request.headers.authorization}`);
  if (!path.startsWith(`${BASE}/`)) return fail(404, "namespace not found");
  const { pathname, searchParams } = new URL(path, origin);
  const [kind, name = ""] = pathname.slice(BASE.length + 1).split(/\/(.*)/);
  if (decodeURIComponent(name).length > 512) return fail(414, "key is too long");
  if (Number(searchParams.get("expiration_ttl") ?? 60) < 60)
    return fail(400, "Invalid expiration_ttl");
  if (kind === "metadata") return metadata(decodeURIComponent(name));
  if (kind === "bulk" && request.method === "PUT") return writeAll(JSON.parse(body));
  if (kind === "bulk" && name === "delete") return removeAll(JSON.parse(body));
  return undefined;
}

const server = createServer(async (request, response) => {
  const parts = [];
  for await (const part of request) parts.push(part);
  const body = Buffer.concat(parts);
  response.setHeader("cf-ray", "ray-of-the-request");
  const filled = await answer(request, request.url, body);
  if (filled) {
    response
      .writeHead(filled[0], { "content-type": "application/json" })
      .end(JSON.stringify(filled[1]));
    return;
  }
  const path = request.url.replace(
    BASE,
    `/cdn-cgi/explorer/api/storage/kv/namespaces/${namespace}`,
  );
  const reply = await fetch(new URL(path, origin), {
    method: request.method,
    headers: { "content-type": request.headers["content-type"] ?? "text/plain" },
    body: body.length > 0 || request.method === "PUT" ? body : undefined,
  });
  // Values come as what they are to Cloudflare: bytes.
  const isValue = reply.ok && request.method === "GET" && request.url.startsWith(`${BASE}/values/`);
  const type = isValue ? "application/octet-stream" : reply.headers.get("content-type");
  response.writeHead(reply.status, { "content-type": type ?? "" });
  response.end(Buffer.from(await reply.arrayBuffer()));
});
server.listen(Number(port), "127.0.0.1");
