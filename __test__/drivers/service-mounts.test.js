/** That configs have the drivers of services natively, by unstorage's names, with options from the environment. */
import { createStorage, defineStorage, isNative, useStorage } from "rustorage";
import { claimMounts, hideClients } from "../../js/nitro/mounts.js";
import { afterEach, expect, test, vi } from "vitest";
import { serveAnswers } from "../servers/answers.js";

afterEach(() => vi.unstubAllEnvs());

const MOUNTS = {
  cloudflare: { driver: "cloudflare-kv-http", accountId: "a", namespaceId: "n", apiToken: "t" },
  camel: { driver: "cloudflareKVHttp", accountId: "a", namespaceId: "n", apiToken: "t" },
  github: { driver: "github", repo: "owner/name" },
  http: { driver: "http", base: "http://localhost" },
  netlify: { driver: "netlify-blobs", name: "n" },
  camelNetlify: { driver: "netlifyBlobs", name: "n" },
  s3: { driver: "s3", bucket: "b", region: "r" },
  upstash: { driver: "upstash", url: "http://localhost", token: "t" },
  blob: { driver: "vercel-blob", access: "public" },
  camelBlob: { driver: "vercelBlob", access: "public" },
  vercel: { driver: "vercel-kv", url: "http://localhost", token: "t" },
  camelVercel: { driver: "vercelKV", url: "http://localhost", token: "t" },
};

test("a Nitro config's mounts of them are ours, and Nitro sees none that needs a client", async () => {
  const options = { storage: hideClients(structuredClone(MOUNTS)), devStorage: {} };
  await claimMounts(options);
  for (const [name, { driver }] of Object.entries(options.storage)) {
    expect([name, driver]).toEqual([name, expect.stringMatching(/^rustorage\/drivers\/[\w-]+$/)]);
    const { default: factory } = await import(driver);
    const { driver: _, ...given } = options.storage[name];
    expect([name, isNative(factory(given))]).toEqual([name, true]);
  }
});

test("their options are read from the environment with the first call, headers as JSON", async () => {
  const service = await serveAnswers((_, response) => response.end("1"));
  defineStorage({
    storage: {
      far: { driver: "http", base: "{{FAR_URL}}", headers: { "x-tenant": "{{TENANT:none}}" } },
      near: { driver: "http", base: service.url },
    },
  });
  vi.stubEnv("FAR_URL", service.url);
  vi.stubEnv("NITRO_STORAGE_NEAR_HEADERS", `{"authorization":"Bearer token"}`);
  vi.stubEnv("NITRO_STORAGE_NEAR_LIMITS_RETRIES", "0");
  expect(await useStorage("far").getItem("a")).toBe(1);
  expect(await useStorage("near").getItem("a")).toBe(1);
  expect(service.requests[0].headers["x-tenant"]).toBe("none");
  expect(service.requests[1].headers.authorization).toBe("Bearer token");
});

test("a driver of a service is one for unstorage's own storages, too", async () => {
  const service = await serveAnswers((_, response) => response.end("1"));
  const { createStorage: createTheirs } = await import("unstorage");
  const { default: http } = await import("rustorage/drivers/http");
  const headers = { "x-tenant": "a" };
  for (const create of [createStorage, createTheirs]) {
    expect(await create({ driver: http({ base: service.url }) }).getItem("a", { headers })).toBe(1);
  }
  expect(service.requests.map((request) => request.headers["x-tenant"])).toEqual(["a", "a"]);
});
