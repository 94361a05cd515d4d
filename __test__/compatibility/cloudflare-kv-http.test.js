/** Where cloudflare-kv-http differs from unstorage's on purpose. */
import { createStorage } from "rustorage";
import cloudflareKvHttp from "rustorage/drivers/cloudflare-kv-http";
import { expect, test } from "vitest";
import { overHttp } from "./over-http.js";

test("cloudflare-kv-http refuses names that Workers KV cannot have", async () => {
  const driver = cloudflareKvHttp({ accountId: "a", namespaceId: "n", apiToken: "t" });
  for (const key of ["x".repeat(513), ".", ".."]) {
    await expect(driver.getItem(key)).rejects.toMatchObject({ code: "INVALID_KEY" });
  }
});

test("cloudflare-kv-http reads whether a call succeeded", async () => {
  const { url } = await overHttp((_, response) => response.end(`{"success":false,"errors":[]}`));
  const driver = cloudflareKvHttp({ accountId: "a", namespaceId: "n", apiToken: "t", apiURL: url });
  const call = createStorage({ driver }).setItem("a", 1);
  await expect(call).rejects.toMatchObject({ code: "REFUSED", status: 200 });
});
