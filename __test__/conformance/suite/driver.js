/** The driver by itself, and its end. */
import { normalizeKey } from "rustorage";
import { expect, test } from "vitest";

export function describeDriver(open, { forgets, reopens = true }) {
  test("the driver's methods work detached and by themselves", async () => {
    const { driver } = await open();
    const { hasItem, getItem, setItem, removeItem, getKeys } = driver;
    await setItem("foo:a", "text", {});
    await setItem("top", "other", {});
    expect(await hasItem("foo:a", {})).toBe(true);
    expect(await getItem("foo:a", {})).toBe("text");
    // A driver may list paths: storages normalise what they are given.
    const keys = [...(await getKeys("", {}))].map((key) => normalizeKey(key));
    expect(keys.sort()).toEqual(["foo:a", "top"]);
    await removeItem("foo:a", {});
    expect(await getItem("foo:a", {})).toBe(null);
  });

  test("the storage's methods work detached", async () => {
    const { storage } = await open();
    const { setItem, getItem, hasItem, getKeys, setMeta, getMeta, removeItem, clear } = storage;
    await setItem("foo", 1);
    await setMeta("foo", { a: 1 });
    expect([await getItem("foo"), await hasItem("foo")]).toEqual([1, true]);
    expect(await getMeta("foo")).toMatchObject({ a: 1 });
    await removeItem("foo", true);
    expect(await getKeys()).toEqual([]);
    await setItem("bar", 1);
    await clear();
    expect(await getKeys()).toEqual([]);
  });

  test("is of use again after dispose, and dispose may come twice", async () => {
    const { driver, storage } = await open();
    await storage.setItem("before", 1);
    await driver.dispose?.();
    await driver.dispose?.();
    if (!reopens) {
      await expect(storage.getItem("before")).rejects.toMatchObject({ driver: driver.name });
      return;
    }
    expect(await storage.getItem("before")).toBe(forgets ? null : 1);
    await storage.setItem("after", 2);
    expect(await storage.getItem("after")).toBe(2);
    await storage.dispose();
  });
}
