/** That a driver of unstorage's and ours read, list and remove what the other wrote. */
import { expect } from "vitest";

const BYTES = Uint8Array.from({ length: 256 }, (_, index) => index);

/** Two storages over one place, both ways; `odd` is a key of characters that the service may encode, `meta` what it knows of an item. */
export async function exchange(ours, theirs, { odd, meta }) {
  for (const [from, to] of [
    [ours, theirs],
    [theirs, ours],
  ]) {
    await from.setItem("object", { a: [1, "é"] });
    await from.setItem("text:of:segments", "😀 text");
    await from.setItem(odd, 1);
    await from.setItemRaw("bytes", BYTES.buffer);
    await from.setMeta("object", { kept: true });
    expect(await to.getItem("object")).toEqual({ a: [1, "é"] });
    expect(await to.getItem("text:of:segments")).toBe("😀 text");
    expect(await to.getItem(odd)).toBe(1);
    expect(Buffer.from(await to.getItemRaw("bytes")).equals(BYTES)).toBe(true);
    expect(await to.getMeta("object")).toMatchObject({ kept: true, ...meta });
    expect((await to.getKeys()).sort()).toEqual((await from.getKeys()).sort());
    expect(await to.getKeys("text")).toEqual(["text:of:segments"]);
    expect([await to.hasItem("object"), await to.hasItem("none")]).toEqual([true, false]);
    expect(await to.getItem("none")).toBe(null);
    await to.removeItem("object", { removeMeta: true });
    await to.clear();
    expect(await from.getKeys()).toEqual([]);
  }
}
