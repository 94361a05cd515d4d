/** Drivers that do not do all: that keep nothing, only read, or do not clear. */
import { expect, test } from "vitest";

export function describeEmpty(open) {
  test("takes everything and gives nothing back", async () => {
    const { storage } = await open();
    await storage.setItem("foo", "bar");
    await storage.setItemRaw("raw", new Uint8Array([1]));
    await storage.setItems([{ key: "batch", value: 1 }]);
    await storage.setMeta("foo", { a: 1 });
    await storage.removeItem("foo", { removeMeta: true });
    await storage.clear();
    expect(await storage.hasItem("foo")).toBe(false);
    expect(await storage.getItem("foo")).toBe(null);
    expect(await storage.getItemRaw("raw")).toBe(null);
    expect(await storage.getItem("raw", { type: "bytes" })).toBe(null);
    expect(await storage.getItems(["foo", "batch"])).toEqual([]);
    expect(await storage.getMeta("foo")).toEqual({});
    expect(await storage.getKeys()).toEqual([]);
    await storage.dispose();
  });
}

export function describeReading(open) {
  test("reads what is there, and nothing changes it", async () => {
    const { storage } = await open();
    await storage.setItem("foo", "new");
    await storage.setItemRaw("dir:item", "new");
    await storage.setItems([{ key: "batch", value: 1 }]);
    await storage.setMeta("foo", { a: 1 });
    await storage.removeItem("foo", { removeMeta: true });
    await storage.clear("dir");
    await storage.clear();
    expect((await storage.getKeys()).sort()).toEqual(["dir:item", "foo"]);
    expect(await storage.getKeys("dir")).toEqual(["dir:item"]);
    expect(await storage.getItem("foo")).toBe("bar");
    expect(await storage.getItemRaw("dir:item")).toEqual(Buffer.from("1"));
    expect(await storage.getItems(["dir:item", "batch"])).toEqual([
      { key: "dir:item", value: 1 },
      { key: "batch", value: null },
    ]);
    expect([await storage.hasItem("foo"), await storage.hasItem("batch")]).toEqual([true, false]);
    expect((await storage.getMeta("foo")).size).toBe(3);
    await storage.dispose();
  });
}

export function describeStaying(open) {
  test("clear does nothing", async () => {
    const { storage } = await open();
    await storage.setItem("foo:a", 1);
    await storage.setMeta("foo:a", { a: 1 });
    await storage.clear();
    await storage.clear("foo");
    expect(await storage.getKeys()).toEqual(["foo:a"]);
    expect(await storage.getItem("foo:a")).toBe(1);
    expect(await storage.getItem("foo:a$")).toEqual({ a: 1 });
    await storage.removeItem("foo:a", { removeMeta: true });
    expect(await storage.getKeys()).toEqual([]);
  });
}
