/** Where the options of storages and drivers differ from unstorage's on purpose. */
import { createStorage } from "rustorage";
import fs from "rustorage/drivers/fs";
import fsLite from "rustorage/drivers/fs-lite";
import lruCache from "rustorage/drivers/lru-cache";
import memory from "rustorage/drivers/memory";
import nullDriver from "rustorage/drivers/null";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as unstorage from "unstorage";
import unstorageFs from "unstorage/drivers/fs";
import { expect, onTestFinished, test, vi } from "vitest";
import { folder } from "../folder.js";

test("options that a native driver does not know are refused", () => {
  for (const make of [memory, lruCache, fs, fsLite]) {
    expect(() => make({ base: "x", secret: "s3cret" })).toThrow(/unknown field `(secret|base)`/);
    expect(() => make({ secret: "s3cret" })).toThrow(
      expect.objectContaining({
        code: "INVALID_OPTIONS",
        message: expect.not.stringContaining("s3cret"),
      }),
    );
  }
});

test("what a Nitro config leaves among the options is let be", () => {
  for (const make of [memory, lruCache, fs, fsLite, nullDriver]) {
    make({
      driver: "any",
      lib: () => {},
      ...(make === fs || make === fsLite ? { base: "x" } : {}),
    });
  }
  expect(fs({ driver: "fs", base: "x", readOnly: null, ignore: undefined }).name).toBe("fs");
  expect(fs({ base: "x", watchOptions: { ignored: [null], depth: null } }).name).toBe("fs");
  expect(lruCache({ driver: "lruCache", max: 2, ttlAutopurge: true, ttlResolution: 5 }).name).toBe(
    "lru-cache",
  );
});

test("a config's options are read from the environment", async () => {
  const base = folder();
  const config = { "rustorage:mount": "files", driver: "fs", base: "{{FILES}}" };
  const storage = createStorage().mount("files", fs(config));
  vi.stubEnv("FILES", base);
  onTestFinished(() => vi.unstubAllEnvs());
  await storage.setItem("files:a", "text");
  expect(readFileSync(join(base, "a"), "utf8")).toBe("text");
});

test("createStorage refuses a driver in place of its options", async () => {
  const refused = expect.objectContaining({ code: "INVALID_OPTIONS" });
  for (const driver of [fs({ base: folder() }), memory(), createStorage()]) {
    expect(() => createStorage(driver)).toThrow(refused);
  }
  const theirs = unstorage.createStorage(unstorageFs({ base: folder() }));
  expect(theirs.getMount("a").driver.name).toBe("memory");
});
