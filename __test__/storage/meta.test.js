/** Metadata: the driver's own, and what setMeta puts beside an item. */
import { createStorage } from "rustorage";
import { describe, expect, test } from "vitest";
import { mapDriver } from "../conformance/map-driver.js";
import { recorded } from "../events.js";

describe("meta", () => {
  const withMeta = () => ({ ...mapDriver(), getMeta: () => ({ size: 3, kind: "native" }) });

  test("is the native one with the stored one over it", async () => {
    const storage = createStorage({ driver: withMeta() });
    await storage.setMeta("foo", {
      kind: "mine",
      mtime: "2020-01-01T00:00:00.000Z",
      ctime: "text",
    });
    const meta = await storage.getMeta("foo");
    expect(Object.getPrototypeOf(meta)).toBe(null);
    expect({ ...meta }).toEqual({
      size: 3,
      kind: "mine",
      mtime: new Date("2020-01-01"),
      ctime: "text",
    });
    expect({ ...(await storage.getMeta("foo", { nativeOnly: true })) }).toEqual({
      size: 3,
      kind: "native",
    });
    expect({ ...(await storage.getMeta("foo", true)) }).toEqual({ size: 3, kind: "native" });
  });

  test("what is no object is no meta", async () => {
    const storage = createStorage();
    await storage.setItem("foo$", "text");
    expect({ ...(await storage.getMeta("foo")) }).toEqual({});
  });

  test("setMeta and removeMeta are items with events, and work detached", async () => {
    const storage = createStorage();
    const { setMeta, removeMeta } = storage;
    const { events } = await recorded(storage);
    await setMeta("a/b", { c: 1 });
    expect(await storage.getItem("a:b$")).toEqual({ c: 1 });
    await removeMeta("a:b");
    expect(await storage.hasItem("a:b$")).toBe(false);
    expect(events).toEqual(["update a:b$", "remove a:b$"]);
  });
});
