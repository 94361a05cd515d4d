/** Where netlify-blobs differs from unstorage's on purpose. */
import { createStorage } from "rustorage";
import netlifyBlobs from "rustorage/drivers/netlify-blobs";
import { expect, test } from "vitest";
import { overHttp } from "./over-http.js";

test("netlify-blobs tells why a write with a condition failed", async () => {
  const { url } = await overHttp((request, response) => {
    response.writeHead(request.url.endsWith("/met") ? 403 : 412).end();
  });
  const options = { name: "n", siteID: "s", token: "t", edgeURL: url };
  const storage = createStorage({ driver: netlifyBlobs(options) });
  await storage.setItem("unmet", 1, { onlyIfNew: true });
  const written = storage.setItem("met", 1, { onlyIfNew: true });
  await expect(written).rejects.toMatchObject({ code: "FORBIDDEN", status: 403 });
});

test("netlify-blobs takes a percent sign that encodes nothing", async () => {
  const { url, requests } = await overHttp((_, response) => response.end("1"));
  const options = { name: "n", siteID: "s", token: "t", edgeURL: url };
  const storage = createStorage({ driver: netlifyBlobs(options) });
  for (const key of ["100%", "%4", "100%41"]) expect(await storage.getItem(key)).toBe(1);
  const paths = ["/s/site:n/100%25", "/s/site:n/%254", "/s/site:n/100%41"];
  expect(requests.map(({ url }) => url)).toEqual(paths);
});

test("netlify-blobs takes more keys", async () => {
  const { url, requests } = await overHttp((_, response) => response.end("1"));
  const options = { name: "n", siteID: "s", token: "t", edgeURL: url };
  const storage = createStorage({ driver: netlifyBlobs(options) });
  for (const key of ["a#b", " lead", "trail ", "a\nb"]) expect(await storage.getItem(key)).toBe(1);
  const keys = ["a%23b", "%20lead", "trail%20", "a%0Ab"];
  expect(requests.map(({ url }) => url)).toEqual(keys.map((key) => `/s/site:n/${key}`));
});

test("a call's consistency holds for all calls of netlify-blobs", async () => {
  const { url } = await overHttp((_, response) => response.end(`{"blobs":[]}`));
  const options = { name: "n", siteID: "s", token: "t", edgeURL: "http://127.0.0.1:1" };
  const storage = createStorage({ driver: netlifyBlobs({ ...options, uncachedEdgeURL: url }) });
  const strong = { consistency: "strong" };
  expect(await storage.hasItem("a", strong)).toBe(true);
  expect(await storage.getKeys("", strong)).toEqual([]);
  expect(await storage.getItemRaw("a", strong)).toEqual(Buffer.from(`{"blobs":[]}`));
  await storage.setItem("a", 1, strong);
  await storage.removeItem("a", strong);
  await storage.clear("", strong);
});

test("netlify-blobs tells what clear left", async () => {
  const { url } = await overHttp((request, response) => {
    if (request.method === "GET") response.end(`{"blobs":[{"key":"a"}]}`);
    else response.writeHead(403).end();
  });
  const options = { name: "n", siteID: "s", token: "t", edgeURL: url };
  const storage = createStorage({ driver: netlifyBlobs(options) });
  await expect(storage.clear()).rejects.toMatchObject({ code: "FORBIDDEN", key: "a" });
});
