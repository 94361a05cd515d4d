/** Where http, and all drivers over HTTP, differ from unstorage's on purpose. */
import { createStorage } from "rustorage";
import netlifyBlobs from "rustorage/drivers/netlify-blobs";
import upstash from "rustorage/drivers/upstash";
import vercelBlob from "rustorage/drivers/vercel-blob";
import vercelKv from "rustorage/drivers/vercel-kv";
import { expect, test } from "vitest";
import { overHttp } from "./over-http.js";

test("calls over HTTP end in their time", async () => {
  const { storage } = await overHttp(() => undefined, { limits: { timeout: 50 } });
  await expect(storage.getItem("a")).rejects.toMatchObject({ code: "ETIMEDOUT" });
});

test("requests over HTTP that may be repeated are", async () => {
  const { storage, requests } = await overHttp((_, response, count) => {
    response.writeHead(count % 2 === 0 ? 503 : 200).end("1");
  });
  expect(await storage.getItem("a")).toBe(1);
  await storage.setItem("a", 2);
  expect(requests.map(({ method }) => method)).toEqual(["GET", "GET", "PUT", "PUT"]);
});

test("errors over HTTP say what the service said, and no secret", async () => {
  const headers = { authorization: "Bearer s3cret" };
  const answer = (_, response) => {
    response.writeHead(403, { "x-request-id": "id" }).end(`{"message":"no s3cret"}`);
  };
  const { storage, url } = await overHttp(answer, { headers });
  await expect(storage.getItem("a")).rejects.toMatchObject({
    code: "FORBIDDEN",
    status: 403,
    requestId: "id",
    message: `[rustorage] [http] getItem "a": FORBIDDEN: GET ${url}: 403 Forbidden: no *** (request id)`,
  });
});

test("listings over HTTP end", async () => {
  const { url } = await overHttp((_, response, count) => {
    response.end(`{"result":["${1 + (count % 2)}",["a"]]}`);
  });
  const storage = createStorage({ driver: upstash({ url, token: "token" }) });
  await expect(storage.getKeys()).rejects.toMatchObject({ code: "EPROTO" });
});

test("redirects to another origin take no headers of the driver along", async () => {
  const other = await overHttp((_, response) => response.end("1"));
  const answer = (_, response) => response.writeHead(302, { location: other.url }).end();
  const { storage } = await overHttp(answer, { headers: { "x-api-key": "s3cret" } });
  expect(await storage.getItem("a")).toBe(1);
  expect(other.requests[0].headers).not.toHaveProperty("x-api-key");
});

test("getItemRaw over HTTP gives a Buffer", async () => {
  const { storage } = await overHttp((_, response) => response.end("1"));
  expect(await storage.getItemRaw("a")).toEqual(Buffer.from("1"));
});

test("http has no metadata of what is not there", async () => {
  const { storage } = await overHttp((_, response) => response.writeHead(404).end());
  expect(await storage.getMeta("a")).toEqual({
    status: undefined,
    mtime: undefined,
    ttl: undefined,
  });
});

test("http removes what is not there, and lists only lists", async () => {
  const { storage } = await overHttp((request, response) => {
    response.writeHead(request.method === "DELETE" ? 404 : 200).end("{}");
  });
  await storage.removeItem("a");
  await expect(storage.getKeys()).rejects.toMatchObject({ code: "EPROTO" });
});

test("drivers over HTTP give no client", () => {
  const restApi = { url: "http://127.0.0.1:1", token: "token" };
  expect(upstash(restApi)).not.toHaveProperty("getInstance");
  expect(vercelKv(restApi)).not.toHaveProperty("getInstance");
  expect(netlifyBlobs({ name: "a" })).not.toHaveProperty("getInstance");
  expect(vercelBlob({ access: "public" })).not.toHaveProperty("getInstance");
});
