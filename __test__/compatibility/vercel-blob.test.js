/** Where vercel-blob differs from unstorage's on purpose. */
import { createStorage } from "rustorage";
import vercelBlob from "rustorage/drivers/vercel-blob";
import { expect, onTestFinished, test } from "vitest";
import { startVercelBlob } from "../servers/vercel-blob.js";
import { overHttp } from "./over-http.js";

test("vercel-blob overwrites, and keeps empty texts", async () => {
  const server = await startVercelBlob();
  onTestFinished(() => server.stop());
  const storage = createStorage({ driver: vercelBlob(server.options) });
  for (const value of ["a", "b", ""]) {
    await storage.setItem("key", value);
    expect(await storage.getItem("key")).toBe(value);
  }
});

test("vercel-blob tells a failure from a miss", async () => {
  const { url } = await overHttp((_, response) => response.writeHead(403).end());
  const options = { access: "public", apiURL: url, blobURL: url, token: "vercel_blob_rw_a_b" };
  const storage = createStorage({ driver: vercelBlob(options) });
  for (const call of [() => storage.hasItem("a"), () => storage.getMeta("a")]) {
    await expect(call()).rejects.toMatchObject({ code: "FORBIDDEN" });
  }
});

test("a write to vercel-blob goes to the driver's own store", async () => {
  const options = { access: "public", apiURL: "http://127.0.0.1:1", token: "vercel_blob_rw_a_b" };
  const storage = createStorage({ driver: vercelBlob(options) });
  for (const name of ["token", "oidcToken", "storeId", "optimizeImage"]) {
    const written = storage.setItem("a", "1", { [name]: "other" });
    await expect(written).rejects.toMatchObject({
      code: "INVALID_OPTIONS",
      message: expect.stringContaining(name),
    });
  }
});
