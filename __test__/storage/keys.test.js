/** What is a key, what a base, and the helpers for them. */
import {
  createStorage,
  filterKeyByBase,
  filterKeyByDepth,
  hasDotSegment,
  joinKeys,
  normalizeBaseKey,
  normalizeKey,
} from "rustorage";
import memory from "rustorage/drivers/memory";
import { describe, expect, test } from "vitest";

describe("keys", () => {
  test.each([
    ["foo", "foo"],
    ["a/b\\c:d", "a:b:c:d"],
    [":a::/\\b:", "a:b"],
    ["a?b?c", "a"],
    ["a:?b", "a"],
    [" a : b ", " a : b "],
    ["Ä:É", "Ä:É"],
    ["a..:..b:...", "a..:..b:..."],
  ])("%j is stored as %j", async (key, normalized) => {
    const storage = createStorage();
    await storage.setItem(key, 1);
    expect(await storage.getKeys()).toEqual([normalized]);
    expect(normalizeKey(key)).toBe(normalized);
  });

  const invalid = ["", ":", "/", "?", "?a", ".", "..", "a:..", "../a", "a/./b", "a\\..\\b"];

  test.each(invalid)("%j is no key", async (key) => {
    const storage = createStorage();
    const message = `[unstorage] Invalid key: ${JSON.stringify(key)}`;
    await expect(storage.hasItem(key)).rejects.toThrow(message);
    await expect(storage.getItem(key)).rejects.toThrow(message);
    await expect(storage.getItem(key, { type: "bytes" })).rejects.toThrow(message);
    await expect(storage.getItemRaw(key)).rejects.toThrow(message);
    await expect(storage.setItem(key, 1)).rejects.toThrow(message);
    await expect(storage.setItem(key, undefined)).rejects.toThrow(message);
    await expect(storage.setItemRaw(key, 1)).rejects.toThrow(message);
    await expect(storage.removeItem(key)).rejects.toThrow(message);
    await expect(storage.getMeta(key)).rejects.toThrow(message);
    await expect(storage.setMeta(key, {})).rejects.toThrow(message);
    await expect(storage.removeMeta(key)).rejects.toThrow(message);
    await expect(storage.getItems(["a", key])).rejects.toThrow(message);
    await expect(storage.getItems([{ key }])).rejects.toThrow(message);
    await expect(storage.setItems([{ key, value: 1 }])).rejects.toThrow(message);
    expect(await storage.getKeys()).toEqual([]);
  });

  test("no key at all is no key", async () => {
    await expect(createStorage().getItem()).rejects.toThrow("[unstorage] Invalid key: undefined");
  });

  test("an invalid key in a batch leaves the others unwritten", async () => {
    const storage = createStorage();
    const items = [
      { key: "a", value: 1 },
      { key: "..", value: 2 },
    ];
    await expect(storage.setItems(items)).rejects.toThrow('[unstorage] Invalid key: ".."');
    expect(await storage.getKeys()).toEqual([]);
  });

  test.each(["..", "a:.:b", "a/.."])("%j is no base", async (base) => {
    const storage = createStorage();
    const message = `[unstorage] Invalid base: ${JSON.stringify(base)}`;
    await expect(storage.getKeys(base)).rejects.toThrow(message);
    await expect(storage.clear(base)).rejects.toThrow(message);
    expect(() => storage.mount(base, memory())).toThrow(message);
    expect(storage.getMounts()).toHaveLength(1);
  });

  test("a base without characters is the root", async () => {
    const storage = createStorage();
    await storage.setItem("a", 1);
    for (const base of [undefined, "", ":", "/", "?a"]) {
      expect(await storage.getKeys(base)).toEqual(["a"]);
    }
  });

  test("the helpers agree with the storage", () => {
    expect(normalizeKey()).toBe("");
    expect(normalizeBaseKey("a/b?c")).toBe("a:b:");
    expect(normalizeBaseKey()).toBe("");
    expect(joinKeys("a", "/b/", "c:d", "")).toBe("a:b:c:d");
    expect([hasDotSegment("a:..:b"), hasDotSegment("."), hasDotSegment("a..:b.")]).toEqual([
      true,
      true,
      false,
    ]);
    expect([
      filterKeyByDepth("a:b", 0),
      filterKeyByDepth("a:b", 1),
      filterKeyByDepth("a:b"),
    ]).toEqual([false, true, true]);
    expect([
      filterKeyByBase("a:b", "a:"),
      filterKeyByBase("ab", "a:"),
      filterKeyByBase("a$"),
    ]).toEqual([true, false, false]);
  });

  test("normalizeKey stands on its own", () => {
    const inlined = new Function(`return ${normalizeKey.toString()}`)();
    expect(inlined("/a//b?c")).toBe("a:b");
  });
});
