/** Where s3 differs from unstorage's on purpose. */
import { createStorage } from "rustorage";
import s3 from "rustorage/drivers/s3";
import { afterAll, expect, onTestFinished, test, vi } from "vitest";
import { OPTIONS as KEYS, createBucket, startMoto } from "../servers/s3.js";

const moto = await startMoto();
afterAll(() => moto.stop());

async function openS3(options) {
  const place = { ...KEYS, endpoint: moto.endpoint, bucket: "items" };
  await createBucket(place);
  const driver = s3({ ...place, ...options });
  return createStorage({ driver });
}

test("s3 tells a bucket that is not there from a miss", async () => {
  const storage = await openS3({ bucket: "none-such" });
  await expect(storage.getItem("a")).rejects.toMatchObject({ code: "NOT_FOUND", key: "a" });
});

test("s3 tells an object's size, mtime and etag", async () => {
  const storage = await openS3();
  await storage.setItem("a", "four");
  const { size, mtime, etag } = await storage.getMeta("a");
  expect([size, mtime, etag]).toEqual([4, expect.any(Date), expect.any(String)]);
});

test("s3 takes keys from where AWS's clients look for them", async () => {
  vi.stubEnv("AWS_ACCESS_KEY_ID", KEYS.accessKeyId);
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", KEYS.secretAccessKey);
  onTestFinished(() => vi.unstubAllEnvs());
  const storage = await openS3({ accessKeyId: undefined, secretAccessKey: undefined });
  await storage.setItem("a", 1);
  expect(await storage.getItem("a")).toBe(1);
});

test("s3 sends a large value in parts", async () => {
  const storage = await openS3();
  await storage.setItemRaw("large", Buffer.alloc(17 << 20));
  expect((await storage.getMeta("large")).etag).toMatch(/-3"$/);
});
