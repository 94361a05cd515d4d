/** That a mistake is told where it is made, in words that say what to do. */
import { createStorage, isStorageError, prefixStorage, setStorage } from "rustorage";
import fs from "rustorage/drivers/fs";
import http from "rustorage/drivers/http";
import lruCache from "rustorage/drivers/lru-cache";
import memory from "rustorage/drivers/memory";
import overlay from "rustorage/drivers/overlay";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, test } from "vitest";
import { mapDriver } from "./conformance/map-driver.js";
import { folder } from "./folder.js";

class Settings {}

const REFUSED_OPTIONS = [
  [() => memory({ maxEntries: "10" }), "the option `maxEntries` must be a whole number"],
  [() => memory({ maxEntries: -1 }), "the option `maxEntries` must be a whole number"],
  [() => memory({ maxEntries: NaN }), "the option `maxEntries` must be a finite number"],
  [() => lruCache({ max: Infinity }), "the option `max` must be a finite number"],
  [() => memory(5), "the options must be an object"],
  [() => memory([]), "the options must be an object"],
  [() => lruCache({ dispose: "x" }), "the option `dispose` must be a function"],
  [() => lruCache({ sizeCalculation: true }), "the option `sizeCalculation` must be a function"],
  [() => fs({ base: 5 }), "the option `base` must be a string"],
  [() => fs({ base: new Map() }), "the option `base` must not be a Map"],
  [() => fs({}), "the option `base` is required"],
  [() => overlay({ layers: [memory] }), "the option `layers[0]` must be a driver"],
  [() => overlay({ layers: [] }), "the option `layers` is required"],
];

test.each(REFUSED_OPTIONS)("%s is refused", (make, cause) => {
  expect(make).toThrow(
    expect.objectContaining({
      code: "INVALID_OPTIONS",
      operation: "create",
      message: expect.stringContaining(cause),
    }),
  );
});

test("no option's value stands in an error", () => {
  for (const options of [
    { maxEntries: "s3cret" },
    { maxEntries: { s3cret: 1 } },
    { a: "s3cret" },
  ]) {
    expect(() => memory(options)).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining("s3cret") }),
    );
  }
});

test("a life without an end is no life", () => {
  expect(lruCache({ ttl: Infinity }).name).toBe("lru-cache");
});

test("base may be a file URL", async () => {
  const base = folder();
  const driver = fs({ base: pathToFileURL(base) });
  await createStorage({ driver }).setItem("a", "text");
  expect(readFileSync(join(base, "a"), "utf8")).toBe("text");
  expect(driver.options.base).toBe(base);
});

const NO_DRIVERS = [
  [memory, "a function is no driver: call it, as in memory()"],
  [undefined, "a driver is an object, not undefined"],
  [null, "a driver is an object, not null"],
  ["memory", "a driver is an object, not string"],
  [Promise.resolve(mapDriver()), "a promise is no driver: await it"],
  [
    { driver: "fs", base: "./data" },
    "`driver` with options is for a config, as defineStorage takes it: call a driver's factory, as in fs({ … })",
  ],
  [{ default: memory }, "a module is no driver: call its default export"],
];

test.each(NO_DRIVERS)("%o is no driver", (driver, cause) => {
  expect(() => createStorage().mount("a", driver)).toThrow(
    expect.objectContaining({
      code: "INVALID_OPTIONS",
      operation: "mount",
      key: "a",
      message: `[rustorage] [none] mount "a": ${cause}`,
    }),
  );
});

test("a mount point that is taken", () => {
  const storage = createStorage().mount("a", memory());
  expect(() => storage.mount("a", memory())).toThrow(
    expect.objectContaining({ code: "ALREADY_MOUNTED", message: "already mounted at a:" }),
  );
});

test.each([
  ["a Map", new Map()],
  ["a BigInt", { n: 1n }],
  ["an instance", new Settings()],
])("%s cannot be stored, and the error says where", async (_, value) => {
  const storage = createStorage();
  const one = await storage.setItem("a:b", value).catch((error) => error);
  expect(one).toMatchObject({ code: "INVALID_VALUE", operation: "setItem", key: "a:b" });
  const items = [
    { key: "fine", value: 1 },
    { key: "a/b", value },
  ];
  const many = await storage.setItems(items).catch((error) => error);
  expect(many).toMatchObject({ code: "INVALID_VALUE", operation: "setItems", key: "a:b" });
  expect(many.message).toBe(one.message);
});

describe.each(["getItems", "setItems"])("%s", (operation) => {
  test.each([undefined, null, {}, 1])("the items of a batch cannot be %o", async (items) => {
    const storage = createStorage();
    for (const own of [storage, prefixStorage(storage, "base")]) {
      const error = await own[operation](items).catch((reason) => reason);
      expect(error).toMatchObject({ code: "INVALID_VALUE", operation });
      expect(error.message).toMatch(
        new RegExp(`^\\[rustorage\\] \\[none\\] ${operation}: the items are an array, not `),
      );
    }
  });

  test.each([[null], [undefined], [{}], [1]])("an item of a batch cannot be %o", async (item) => {
    const storage = createStorage().mount("scripted", mapDriver());
    for (const items of [[item], [{ key: "scripted:a", value: 1 }, item]]) {
      await expect(storage[operation](items)).rejects.toMatchObject({
        code: "INVALID_KEY",
        operation,
        key: undefined,
      });
    }
  });
});

test.each([undefined, "5", NaN, -1, 1.5])("sizeCalculation must not give %o", async (size) => {
  const driver = lruCache({ maxSize: 10, sizeCalculation: () => size });
  const error = await createStorage({ driver })
    .setItem("a", 1)
    .catch((reason) => reason);
  expect(error).toMatchObject({ code: "INVALID_VALUE", driver: "lru-cache", key: "a" });
});

test.each([[new Map([["a", "large"]])], [{ byteLength: 1 }], [{ size: 1 }], [Symbol("raw")]])(
  "maxBytes cannot measure %o",
  async (value) => {
    const storage = createStorage({ driver: memory({ maxBytes: 64 }) });
    const error = await storage.setItemRaw("a", value).catch((reason) => reason);
    expect(error).toMatchObject({
      code: "INVALID_VALUE",
      driver: "memory",
      operation: "setItemRaw",
    });
  },
);

test("maxBytes measures texts, buffers, views and blobs", async () => {
  for (const value of ["12345", new ArrayBuffer(5), new Uint8Array(5), new Blob(["12345"])]) {
    const storage = createStorage({ driver: memory({ maxBytes: 6 }) });
    await storage.setItemRaw("a", value);
    await expect(storage.setItemRaw("ab", value)).rejects.toMatchObject({ code: "TOO_LARGE" });
  }
});

test("watchers are functions, and setStorage takes a storage", async () => {
  await expect(createStorage().watch("x")).rejects.toMatchObject({ code: "INVALID_OPTIONS" });
  expect(() => setStorage({})).toThrow(expect.objectContaining({ code: "INVALID_OPTIONS" }));
});

test("a driver whose getKeys gives nothing", async () => {
  const storage = createStorage({ driver: { ...mapDriver(), name: "mine", getKeys: () => {} } });
  const error = await storage.getKeys().catch((reason) => reason);
  expect(error).toMatchObject({ code: "INVALID_VALUE", driver: "mine", operation: "getKeys" });
});

test("what fails over all mounts names the mount", async () => {
  const base = join(folder(), "file");
  writeFileSync(base, "where a folder should be");
  const drivers = { fs: fs({ base }), http: http({ base: "http://127.0.0.1:1" }) };
  for (const [name, driver] of Object.entries(drivers)) {
    const storage = createStorage().mount("sound", memory()).mount("failing", driver);
    for (const operation of ["getKeys", "clear"]) {
      await expect(storage[operation]()).rejects.toMatchObject({
        operation,
        driver: name,
        key: "failing:",
        message: expect.stringContaining(`${operation} "failing:"`),
      });
    }
  }
});

test("what fails on another thread has the stack of those who await it", async () => {
  const storage = createStorage({ driver: fs({ base: folder() }) });
  async function callOfTheUsers() {
    await storage.setItem("a:.rustorage-1", 1);
  }
  const error = await callOfTheUsers().catch((reason) => reason);
  expect(isStorageError(error)).toBe(true);
  expect(error.stack).toContain("callOfTheUsers");
});
