/** Where upstash and vercel-kv differ from unstorage's on purpose. */
import { createStorage } from "rustorage";
import upstash from "rustorage/drivers/upstash";
import vercelKv from "rustorage/drivers/vercel-kv";
import { afterAll, expect, test } from "vitest";
import { TOKEN, startUpstash } from "../servers/upstash.js";

const server = await startUpstash();
afterAll(() => server.stop());
const restApi = { url: server.endpoint, token: TOKEN };

test("vercel-kv lists keys without its base", async () => {
  const storage = createStorage({ driver: vercelKv({ ...restApi, base: "app" }) });
  await storage.setItem("a", 1);
  expect(await storage.getKeys()).toEqual(["a"]);
});

test("upstash and vercel-kv clear any number of keys", async () => {
  const storage = createStorage({ driver: upstash({ ...restApi, base: "many" }) });
  const items = Array.from({ length: 1200 }, (_, index) => ({ key: `k${index}`, value: index }));
  await storage.setItems(items);
  await storage.clear();
  expect(await storage.getKeys()).toEqual([]);
});
