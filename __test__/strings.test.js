/** Every string that JavaScript has, as a key and as a value, and keys of any length. */
import { createStorage } from "rustorage";
import fs from "rustorage/drivers/fs";
import lruCache from "rustorage/drivers/lru-cache";
import memory from "rustorage/drivers/memory";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { folder } from "./folder.js";

const STRINGS = {
  "one character": "a",
  "Latin-1": "åäö ÿ",
  "two bytes": "ключ 鍵",
  astral: "😀𝒳",
  "a lone high surrogate": "a\ud800b",
  "a lone low surrogate": "\udc00",
  "surrogates in the wrong order": "\udc00\ud800",
  NUL: "a\0b",
  "a line feed": "a\nb",
  "the last unit": "\uffff",
  "a rope": ["two halves ", "of one text"].reduce((one, other) => one + other),
  "a slice": "in front of a slice that is long enough".slice(9),
};

const IN_MEMORY = { memory: () => memory(), "lru-cache": () => lruCache() };

describe.each(Object.entries(IN_MEMORY))("%s", (_, make) => {
  test.each(Object.entries(STRINGS))("keeps %s as a key and as a value", async (_, string) => {
    const storage = createStorage({ driver: make() }).mount(`m${string}`, make());
    for (const key of [string, `m${string}:${string}`]) {
      await storage.setItem(key, `value ${string}`);
      await storage.setItemRaw(`${key}:raw`, string);
      expect(await storage.hasItem(key)).toBe(true);
      expect(await storage.getItem(key)).toBe(`value ${string}`);
      expect(await storage.getItemRaw(`${key}:raw`)).toBe(string);
      expect(await storage.getItems([key, "other"])).toEqual([
        { key, value: `value ${string}` },
        { key: "other", value: null },
      ]);
    }
    expect((await storage.getKeys(`m${string}`)).sort()).toEqual(
      [`m${string}:${string}`, `m${string}:${string}:raw`].sort(),
    );
    await storage.setItems([
      { key: string, value: "together" },
      { key: `${string}2`, value: 2 },
    ]);
    expect(await storage.getItem(string)).toBe("together");
    const events = [];
    await storage.watch((event, key) => events.push([event, key]));
    await storage.clear(`m${string}`);
    expect(events.map(([event]) => event)).toEqual(["remove", "remove"]);
    expect(events[0][1].startsWith(`m${string}:${string}`)).toBe(true);
    await storage.removeItem(string);
    expect(await storage.hasItem(string)).toBe(false);
  });

  // Around the sizes of the buffers that keys are read into.
  const lengths = [1, 2, 63, 64, 65, 255, 256, 257, 1021, 1022, 1023, 1024, 1025, 4096, 65_537];
  test.each(lengths)("keys of %i characters", async (length) => {
    for (const unit of ["a", "é", "鍵", "\ud800"]) {
      const storage = createStorage({ driver: make() });
      const key = unit.repeat(length);
      await storage.setItem(key, length);
      await storage.setItem(`${key}b`, "longer");
      expect(await storage.getItem(key)).toBe(length);
      expect((await storage.getKeys()).sort()).toEqual([key, `${key}b`].sort());
      // The next short key is read from the same buffer.
      expect(await storage.getItem(unit)).toBe(length === 1 ? 1 : null);
      expect(await storage.getKeys(key)).toEqual([]);
    }
  });

  test("keys and values of 10 MB", async () => {
    for (const unit of ["a", "鍵"]) {
      const storage = createStorage({ driver: make() });
      const large = unit.repeat(10 * 1024 * 1024);
      await storage.setItem(large, large);
      expect((await storage.getItem(large)) === large).toBe(true);
      expect((await storage.getKeys())[0] === large).toBe(true);
    }
  });
});

describe("fs", () => {
  const asKeys = ["one character", "Latin-1", "two bytes", "astral", "a line feed", "a rope"];
  test.each(asKeys)("keeps %s as a key", async (name) => {
    const storage = createStorage({ driver: fs({ base: folder() }) });
    const key = `folder:${STRINGS[name]}`;
    await storage.setItem(key, 1);
    expect(await storage.getItem(key)).toBe(1);
    expect(await storage.getKeys("folder")).toEqual([key]);
  });

  test.each(["a lone high surrogate", "a lone low surrogate", "NUL"])(
    "refuses %s as a key, and says why",
    async (name) => {
      const storage = createStorage({ driver: fs({ base: folder() }) });
      const key = STRINGS[name];
      const calls = {
        getItem: [key],
        setItem: [key, 1],
        hasItem: [key],
        removeItem: [key],
        getItemRaw: [key],
        getMeta: [key],
      };
      for (const [operation, args] of Object.entries(calls)) {
        const error = await storage[operation](...args).catch((reason) => reason);
        expect(error).toMatchObject({ code: "INVALID_KEY", driver: "fs", operation });
        expect(error.message).toContain(`[rustorage] [fs] ${operation} `);
      }
    },
  );

  test.each(Object.entries(STRINGS))("writes %s as Node does", async (_, string) => {
    const base = folder();
    const storage = createStorage({ driver: fs({ base }) });
    await storage.setItem("a", string);
    const written = Buffer.from(string);
    expect(readFileSync(join(base, "a"))).toEqual(written);
    expect(await storage.getItem("a")).toBe(written.toString());
    expect(await storage.getItemRaw("a")).toEqual(written);
  });

  test("values of 10 MB, and an empty one", async () => {
    const storage = createStorage({ driver: fs({ base: folder() }) });
    for (const value of ["a".repeat(10 * 1024 * 1024), "鍵".repeat(10 * 1024 * 1024), ""]) {
      await storage.setItem("a", value);
      expect((await storage.getItem("a")) === value).toBe(true);
    }
  });
});
