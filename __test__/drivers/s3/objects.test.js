/** What the s3 driver stores, on two servers, and that unstorage's drivers read it, and the other way round. */
import { AwsClient } from "aws4fetch";
import { createStorage } from "rustorage";
import s3 from "rustorage/drivers/s3";
import { createStorage as createStorage2 } from "unstorage";
import theirs2 from "unstorage/drivers/s3";
import { createStorage as createStorage1 } from "unstorage-v1";
import theirs1 from "unstorage-v1/drivers/s3";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { OPTIONS, createBucket, startMoto, startSeaweed } from "../../servers/s3.js";
import { exchange } from "../exchange.js";

describe.each([
  ["SeaweedFS", startSeaweed],
  ["moto", startMoto],
])("on %s", async (_, start) => {
  const server = await start();
  afterAll(() => server.stop());
  const options = { ...OPTIONS, endpoint: server.endpoint, bucket: "items" };
  await createBucket(options);
  const client = new AwsClient({ ...OPTIONS, service: "s3" });
  const object = (name) => client.fetch(`${server.endpoint}/items/${name}`);
  const ours = createStorage({ driver: s3(options) });
  const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
  beforeEach(() => ours.clear());

  test.each([
    ["unstorage 2", createStorage2({ driver: theirs2(options) })],
    ["unstorage 1", createStorage1({ driver: theirs1(options) })],
  ])("%s and ours read what the other wrote", async (_, theirs) => {
    await exchange(ours, theirs, { odd: "odd: key é()*!~+" });
    // Version 1 sends no headers of an item.
    await ours.setItem("labelled", 1, { headers: { "x-amz-meta-label": "red" } });
    for (const storage of [ours, theirs]) {
      expect(await storage.getMeta("labelled")).toMatchObject({ label: "red" });
    }
  });

  test("an item's headers are the object's, and text says that it is text", async () => {
    const headers = { "Cache-Control": "max-age=60", "x-amz-meta-Label": "red", other: undefined };
    await ours.setItem("text", "é", { headers });
    await ours.setItemRaw("typed", bytes, { headers: { "content-type": "image/png" } });
    const text = await object("text");
    expect(text.headers.get("content-type")).toMatch(/^text\/plain; ?charset=utf-8$/i);
    expect(text.headers.get("cache-control")).toBe("max-age=60");
    expect(text.headers.get("x-amz-meta-label")).toBe("red");
    expect((await object("typed")).headers.get("content-type")).toBe("image/png");
  });

  test("metadata: size, mtime, etag, and what is the object's own", async () => {
    const before = Date.now() - 1000;
    await ours.setItem("text", "four", { headers: { "x-amz-meta-size": "its own" } });
    await ours.setItem("plain", "four");
    const meta = await ours.getMeta("plain");
    expect(meta).toMatchObject({ size: 4, etag: expect.stringMatching(/^"[0-9a-f]{32}"$/) });
    expect(meta.mtime.getTime()).toBeGreaterThan(before);
    expect((await ours.getMeta("text")).size).toBe("its own");
  });

  test("a value above 16 MB goes in parts, and comes back", async () => {
    const large = Buffer.alloc((17 << 20) + 3, "0123456789abcdef");
    await ours.setItemRaw("large", large, { headers: { "x-amz-meta-label": "red" } });
    expect((await ours.getItemRaw("large")).equals(large)).toBe(true);
    const meta = await ours.getMeta("large");
    expect(meta).toMatchObject({ size: large.length, label: "red" });
    // The mark of an object that was put together of so many parts.
    expect(meta.etag).toMatch(/-3"$/);
  });

  test("lists and clears more than a page, and no more than what is under the base", async () => {
    const keys = Array.from({ length: 1100 }, (_, index) => `many:${index}`);
    await ours.setItems([...keys, "many", "manyfold:a"].map((key) => ({ key, value: 1 })));
    expect((await ours.getKeys("many")).sort()).toEqual(keys.toSorted());
    const removed = [];
    const unwatch = await ours.watch((event, key) => removed.push(`${event} ${key}`));
    await ours.clear("many");
    await unwatch();
    expect(removed).toHaveLength(1100);
    expect((await ours.getKeys()).sort()).toEqual(["many", "manyfold:a"]);
    const singly = createStorage({ driver: s3({ ...options, bulkDelete: false }) });
    await singly.clear();
    expect(await ours.getKeys()).toEqual([]);
  });

  test("names that XML and paths have other words for", async () => {
    const keys = ["a&b<c>'\"d", "100% +é", "tab\there", "a;b=c,d"];
    for (const key of keys) await ours.setItem(key, key);
    expect((await ours.getKeys()).sort()).toEqual(keys.toSorted());
    for (const key of keys) expect(await ours.getItem(key)).toBe(key);
    await ours.clear();
    expect(await ours.getKeys()).toEqual([]);
  });
});
