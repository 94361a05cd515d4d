/** Options that come from a config, or from `fromEnv`: what the environment adds, and when. */
import { createStorage, fromEnv, isNative } from "rustorage";
import fs from "rustorage/drivers/fs";
import fsLite from "rustorage/drivers/fs-lite";
import lruCache from "rustorage/drivers/lru-cache";
import memory from "rustorage/drivers/memory";
import overlay from "rustorage/drivers/overlay";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createStorage as createV2 } from "unstorage";
import { afterEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { folder } from "./folder.js";

afterEach(() => vi.unstubAllEnvs());

/** The options as a Nitro config has them. */
function configured(mount, options) {
  return { "rustorage:mount": mount, driver: "as in the config", ...options };
}

async function failure(call) {
  try {
    await call();
  } catch (error) {
    return error;
  }
  throw new Error("the call did not fail");
}

/** Which of the keys an lru-cache has left, of three that were written. */
async function kept(driver) {
  for (const key of ["a", "b", "c"]) await driver.setItem(key, key);
  return driver.getKeys().toSorted().join("");
}

const CALLS = {
  hasItem: (storage) => storage.hasItem("data:a"),
  getItem: (storage) => storage.getItem("data:a"),
  "getItem with a type": (storage) => storage.getItem("data:a", { type: "bytes" }),
  getItemRaw: (storage) => storage.getItemRaw("data:a"),
  getItems: (storage) => storage.getItems(["data:a"]),
  setItem: (storage) => storage.setItem("data:a", 1),
  setItemRaw: (storage) => storage.setItemRaw("data:a", "raw"),
  setItems: (storage) => storage.setItems([{ key: "data:a", value: 1 }]),
  removeItem: (storage) => storage.removeItem("data:a"),
  getMeta: (storage) => storage.getMeta("data:a"),
  setMeta: (storage) => storage.setMeta("data:a", { by: "me" }),
  removeMeta: (storage) => storage.removeMeta("data:a"),
  getKeys: (storage) => storage.getKeys("data"),
  clear: (storage) => storage.clear("data"),
  watch: (storage) => storage.watch(() => {}),
};

describe("a variable that is not set", () => {
  test.each(Object.keys(CALLS))("fails %s, and the next call tries again", async (name) => {
    const base = folder();
    const storage = createStorage();
    storage.mount("data", fs(configured("data", { base: "{{DATA_FOLDER}}" })));
    const promise = CALLS[name](storage);
    expect(promise).toBeInstanceOf(Promise);
    expect(await promise.catch((error) => error)).toMatchObject({
      code: "INVALID_OPTIONS",
      driver: "fs",
      operation: "create",
      key: "data",
      message:
        '[rustorage] [fs] create "data": the option `base` needs the environment variable DATA_FOLDER, which is not set',
    });
    vi.stubEnv("DATA_FOLDER", base);
    await CALLS[name](storage);
    await storage.unwatch();
    await storage.setItem("data:b", "written");
    expect(readFileSync(join(base, "b"), "utf8")).toBe("written");
  });

  test("writes nothing of a batch that goes to other mounts too", async () => {
    const storage = createStorage().mount(
      "data",
      memory(configured("data", { maxBytes: "{{NONE}}" })),
    );
    const items = ["a", "data:a"].map((key) => ({ key, value: 1 }));
    expect(await failure(() => storage.setItems(items))).toMatchObject({ key: "data" });
    expect(await storage.getKeys("a")).toEqual([]);
    expect(await storage.hasItem("a")).toBe(false);
  });
});

describe("options of a config", () => {
  test("have variables replaced, those with a default too", async () => {
    const base = folder();
    vi.stubEnv("BASE", base);
    vi.stubEnv("EMPTY", "");
    const driver = fs(
      configured("replaced", { base: "{{ BASE }}/{{EMPTY}}{{NONE:a:b}}/{{NONE:}}c" }),
    );
    await driver.setItem("key", "text");
    expect(readFileSync(join(base, "a:b/c/key"), "utf8")).toBe("text");
  });

  test("have variables replaced within lists and objects", async () => {
    const base = folder();
    writeFileSync(join(base, "secret.txt"), "");
    writeFileSync(join(base, "public.txt"), "");
    vi.stubEnv("HIDDEN", "secret");
    const driver = fs(
      configured("nested", {
        base,
        ignore: ["{{HIDDEN}}.*"],
        watchOptions: { ignored: ["{{HIDDEN}}"] },
      }),
    );
    expect(await driver.getKeys()).toEqual(["public.txt"]);
    const missing = fs(
      configured("nested", { base, watchOptions: { ignored: ["a", "{{NONE}}"] } }),
    );
    expect((await failure(() => missing.getItem("a"))).message).toContain(
      "the option `watchOptions.ignored[1]` needs the environment variable NONE",
    );
  });

  test("take a variable for a number", async () => {
    vi.stubEnv("MOST", "2");
    expect(await kept(lruCache(configured("numbers", { max: "{{MOST}}" })))).toBe("bc");
    expect(await kept(lruCache(configured("numbers", { max: "{{NONE:1}}" })))).toBe("c");
  });

  test("are not searched for variables again", async () => {
    const base = folder();
    vi.stubEnv("OUTER", `${base}/{{INNER}}`);
    vi.stubEnv("INNER", "inner");
    await fs(configured("once", { base: "{{OUTER}}" })).setItem("key", "text");
    expect(existsSync(join(base, "{{INNER}}/key"))).toBe(true);
  });

  test("have their names checked by the factory, and their values with the first call", async () => {
    expect(() => fs(configured("names", { bse: "x" }))).toThrow(
      expect.objectContaining({
        code: "INVALID_OPTIONS",
        message: expect.stringContaining(
          'create "names": unknown field `bse`, expected one of `atomic`',
        ),
      }),
    );
    expect(() => fs(configured("names", { watchOptions: { depht: 1 } }))).toThrow(
      expect.objectContaining({
        message: expect.stringContaining("unknown field `watchOptions.depht`"),
      }),
    );
    const value = memory(configured("names", { maxEntries: "s3cret" }));
    expect((await failure(() => value.getItem("a"))).message).toBe(
      '[rustorage] [memory] create "names": the option `maxEntries` must be a whole number, and not below 0',
    );
    const required = createStorage().mount("names", fs(configured("names")));
    expect(await failure(() => required.getItem("names:a"))).toMatchObject({
      code: "INVALID_OPTIONS",
      key: "names",
      message: expect.stringContaining("the option `base` is required"),
    });
    expect(() => fs({})).toThrow("the option `base` is required");
  });

  test("are shown as they were written", async () => {
    vi.stubEnv("FOLDER", folder());
    vi.stubEnv("NITRO_STORAGE_SHOWN_TTL", "77");
    const driver = fs(configured("shown", { base: "{{FOLDER}}" }));
    await driver.setItem("a", "text");
    expect(driver.options).toEqual({ driver: "as in the config", base: "{{FOLDER}}" });
    const layers = [memory()];
    expect(overlay({ "rustorage:mount": "shown", layers }).options).toEqual({ layers });
  });

  test("have relative paths from the folder in which the driver is first used", async () => {
    const here = process.cwd();
    onTestFinished(() => process.chdir(here));
    const driver = fsLite(configured("relative", { base: "kv" }));
    process.chdir(folder());
    await driver.setItem("a", "text");
    expect(readFileSync("kv/a", "utf8")).toBe("text");
  });
});

describe("a variable for an option", () => {
  const WATCH_FIELDS =
    "have no fields but `awaitWriteFinish`, `depth`, `ignoreInitial`, `ignored`, `interval`, `usePolling`";

  test("goes before the config, whose own variable need not be set", async () => {
    const base = folder();
    vi.stubEnv("NITRO_STORAGE_FILES_BASE", base);
    await fs(configured("files", { base: "{{NONE}}" })).setItem("a", "text");
    expect(existsSync(join(base, "a"))).toBe(true);
  });

  test("may begin with NUXT, and the one with NITRO goes first", async () => {
    vi.stubEnv("NUXT_STORAGE_PREFIXES_MAX", "1");
    expect(await kept(lruCache(configured("prefixes")))).toBe("c");
    vi.stubEnv("NITRO_STORAGE_PREFIXES_MAX", "2");
    expect(await kept(lruCache(configured("prefixes")))).toBe("bc");
  });

  test.each([
    ["sites:my-app", "SITES_MY_APP"],
    ["/sites/other/", "SITES_OTHER"],
    ["camelCase", "CAMEL_CASE"],
    ["v2Cache", "V2_CACHE"],
  ])("names the mount %s as %s", async (mount, name) => {
    vi.stubEnv(`NITRO_STORAGE_${name}_MAX`, "1");
    expect(await kept(lruCache(configured(mount)))).toBe("c");
  });

  test("names the root by nothing", async () => {
    vi.stubEnv("NITRO_STORAGE_MAX", "1");
    expect(await kept(lruCache(configured("/")))).toBe("c");
  });

  test("is read by the option's type", async () => {
    const base = folder();
    writeFileSync(join(base, "hidden.txt"), "");
    vi.stubEnv("NITRO_STORAGE_TYPED_BASE", base);
    vi.stubEnv("NITRO_STORAGE_TYPED_IGNORE", '["hidden.*"]');
    vi.stubEnv("NITRO_STORAGE_TYPED_READ_ONLY", "true");
    vi.stubEnv("NITRO_STORAGE_TYPED_TTL", "1.5");
    vi.stubEnv("NITRO_STORAGE_TYPED_WATCH_OPTIONS", '{"usePolling":true,"interval":9}');
    vi.stubEnv("NITRO_STORAGE_TYPED_WATCH_OPTIONS_INTERVAL", "10");
    vi.stubEnv("NITRO_STORAGE_TYPED_WATCH_OPTIONS_IGNORED", "*.tmp");
    vi.stubEnv("NITRO_STORAGE_TYPED_WATCH_OPTIONS_AWAIT_WRITE_FINISH", "false");
    const driver = fs(configured("typed"));
    await driver.setItem("a", "text");
    expect(await driver.getKeys()).toEqual([]);
    expect(existsSync(join(base, "a"))).toBe(false);
  });

  test.each([
    ["MAX_ENTRIES", "s3cret", memory, "maxEntries", "be a whole number, and not below 0"],
    ["MAX_ENTRIES", "-1", memory, "maxEntries", "be a whole number, and not below 0"],
    ["MAX_ENTRIES", "", memory, "maxEntries", "be a whole number, and not below 0"],
    ["TTL", "Infinity", fs, "ttl", "be a number"],
    ["READ_ONLY", "yes", fs, "readOnly", "be true or false"],
    ["IGNORE", "s3cret", fs, "ignore", "be a list, as JSON"],
    ["IGNORE", "[1]", fs, "ignore", "be a list, as JSON"],
    ["WATCH_OPTIONS", "[]", fs, "watchOptions", "be an object, as JSON"],
    ["WATCH_OPTIONS", '{"s3cret":1}', fs, "watchOptions", WATCH_FIELDS],
    [
      "WATCH_OPTIONS",
      '{"depth":1,"interval":"s3cret"}',
      fs,
      "watchOptions.interval",
      "have a whole number, and not below 0",
    ],
    ["WATCH_OPTIONS_DEPTH", "deep", fs, "watchOptions.depth", "be a whole number, and not below 0"],
    ["SIZE_CALCULATION", "s3cret", lruCache, "sizeCalculation", "be a function"],
  ])("%s=%j is refused", async (name, value, factory, option, expected) => {
    vi.stubEnv(`NITRO_STORAGE_REFUSED_${name}`, value);
    const error = await failure(() => factory(configured("refused")).getItem("a"));
    expect(error).toMatchObject({ code: "INVALID_OPTIONS", key: "refused" });
    expect(error.message).toBe(
      `[rustorage] [${error.driver}] create "refused": the environment variable ` +
        `NITRO_STORAGE_REFUSED_${name} must ${expected}, for the option \`${option}\``,
    );
  });

  test("in the place of a value of another type is refused without the value", async () => {
    vi.stubEnv("MOST", "s3cret");
    const error = await failure(() =>
      lruCache(configured("most", { max: "{{MOST}}" })).getItem("a"),
    );
    expect(error.message).toContain("the environment variable MOST must be a whole number");
    expect(error.message).not.toContain("s3cret");
  });

  test("is for the mount with the longest name", async () => {
    vi.stubEnv("NITRO_STORAGE_A_WATCH_OPTIONS_INTERVAL", "nothing");
    fs(configured("a_watch", { base: "x" }));
    // Were it for `a`, it would be malformed.
    expect(await fs(configured("a", { base: folder() })).getKeys()).toEqual([]);
  });

  test("that may be for two mounts is refused", async () => {
    const driver = memory(configured("two:names"));
    memory(configured("two-names"));
    expect(await driver.getItem("a")).toBe(null);
    vi.stubEnv("NITRO_STORAGE_TWO_NAMES_MAX_ENTRIES", "5");
    expect((await failure(() => memory(configured("two:names")).getItem("a"))).message).toContain(
      'NITRO_STORAGE_TWO_NAMES_MAX_ENTRIES may be for "two:names" and "two-names": rename one',
    );
  });
});

describe("options in code", () => {
  test("are not searched for variables, and no variable goes before them", async () => {
    const base = folder();
    vi.stubEnv("SECRET", "s3cret");
    vi.stubEnv("NITRO_STORAGE_CODE_BASE", "/nowhere");
    await createStorage()
      .mount("code", fs({ base: join(base, "{{SECRET}}") }))
      .setItem("code:a", "text");
    expect(existsSync(join(base, "{{SECRET}}/a"))).toBe(true);
  });

  test("are searched where fromEnv asks for it", async () => {
    const base = folder();
    vi.stubEnv("FOLDER", base);
    vi.stubEnv("MOST", "2");
    const driver = fs(fromEnv({ base: "{{FOLDER}}/kv", ignore: ["{{NONE:x}}"] }));
    await driver.setItem("a", "text");
    expect(existsSync(join(base, "kv/a"))).toBe(true);
    expect(driver.options).toEqual({ base: "{{FOLDER}}/kv", ignore: ["{{NONE:x}}"] });
    expect(await kept(lruCache(fromEnv({ max: "{{MOST}}" })))).toBe("bc");
    // For drivers of others it is an object of options like any.
    expect(fromEnv({ url: "x:{{MOST}}", nested: [{ a: "{{MOST}}" }] })).toEqual(
      expect.objectContaining({ url: "x:2", nested: [{ a: "2" }] }),
    );
  });

  test("that are added to those of fromEnv are not searched", async () => {
    const base = folder();
    vi.stubEnv("FOLDER", base);
    const added = {
      ...fromEnv({ base: "{{NONE:x}}", durable: false }),
      base: join(base, "{{FOLDER}}"),
    };
    const driver = fs(added);
    await driver.setItem("a", "text");
    expect(existsSync(join(base, "{{FOLDER}}/a"))).toBe(true);
    expect(driver.options.base).toBe(join(base, "{{FOLDER}}"));
  });

  test("fail fromEnv where a variable is not set", () => {
    expect(() => fromEnv({ base: "{{NONE}}" })).toThrow(
      expect.objectContaining({
        code: "INVALID_OPTIONS",
        operation: "fromEnv",
        message:
          "[rustorage] [none] fromEnv: the option `base` needs the environment variable NONE, which is not set",
      }),
    );
    expect(() => fromEnv("{{NONE}}")).toThrow("the options must be an object");
  });
});

describe("a driver that is made with the first call", () => {
  test("is native, runs in Rust from the second call on, and is listed like others", async () => {
    const driver = memory(configured("late"));
    const storage = createStorage().mount("late", driver);
    expect(isNative(driver)).toBe(true);
    expect(driver.flags).toEqual({ ttl: true, maxDepth: true });
    expect(storage.getMount("late:a")).toEqual({ base: "late:", driver });
    expect(storage.getMounts("late").map((mount) => mount.driver)).toEqual([driver]);
    await storage.setItem("late:a", { n: 1 });
    // What is patched after a native driver is in use is not seen.
    driver.getItem = () => "from JavaScript";
    expect(await storage.getItem("late:a")).toEqual({ n: 1 });
    expect(await storage.getKeys()).toEqual(["late:a"]);
  });

  test("may be the root, and replace it", async () => {
    const storage = createStorage({ driver: lruCache(configured("/root-driver", { max: 1 })) });
    await storage.setItems([
      { key: "a", value: 1 },
      { key: "b", value: 2 },
    ]);
    expect(await storage.getKeys()).toEqual(["b"]);
    storage.mount("", memory(configured("other-root")));
    expect(await storage.getKeys()).toEqual([]);
  });

  test("serves two storages, and callers of its own", async () => {
    const driver = memory(configured("shared"));
    const [one, two] = [createStorage({ driver }), createStorage({ driver })];
    driver.setItem("a", "text");
    expect(await one.getItem("a")).toBe("text");
    expect(await two.getKeys()).toEqual(["a"]);
    const copy = { ...memory(configured("shared")), name: "copy" };
    await createStorage({ driver: copy }).setItem("a", 1);
    expect(copy.getKeys()).toEqual(["a"]);
    const elsewhere = createV2({
      driver: fs(configured("shared", { base: folder() })),
    });
    await elsewhere.setItem("a", { n: 1 });
    expect(await elsewhere.getItem("a")).toEqual({ n: 1 });
  });

  test("fails with the key as the storage knows it", async () => {
    const base = join(folder(), "file");
    writeFileSync(base, "");
    const calls = {
      hasItem: (storage) => storage.hasItem("at:a:b"),
      getItem: (storage) => storage.getItem("at:a:b"),
      getItemRaw: (storage) => storage.getItemRaw("at:a:b"),
      setItem: (storage) => storage.setItem("at:a:b", 1),
      setItemRaw: (storage) => storage.setItemRaw("at:a:b", "raw"),
      removeItem: (storage) => storage.removeItem("at:a:b"),
      getMeta: (storage) => storage.getMeta("at:a:b"),
    };
    const outcome = async (call, driver) => {
      const result = await call(createStorage().mount("at", driver)).catch((error) => error);
      return result instanceof Error ? { ...result, message: result.message } : result;
    };
    for (const call of Object.values(calls)) {
      const late = fs(configured("failing", { base }));
      expect(await outcome(call, late)).toEqual(await outcome(call, fs({ base })));
    }
    const late = fs(configured("failing", { base }));
    expect(await outcome(calls.setItem, late)).toMatchObject({ key: "at:a:b" });
  });

  test("keeps the order of the calls", async () => {
    const storage = createStorage({
      driver: fs(configured("order", { base: folder() })),
    });
    const calls = [storage.setItem("a", 1), storage.getItem("a"), storage.setItem("a", 2)];
    expect(await Promise.all(calls)).toEqual([undefined, 1, undefined]);
    expect(await storage.getItem("a")).toBe(2);
  });

  test("is not made to be disposed or unmounted", async () => {
    for (const factory of [fs, memory, lruCache]) {
      const storage = createStorage();
      const options = factory === fs ? { base: "{{NONE}}" } : { ttl: undefined };
      vi.stubEnv("NITRO_STORAGE_UNUSED_MAX", "malformed");
      storage.mount("unused", factory(configured("unused", options)));
      await storage.dispose();
      await storage.unmount("unused");
      expect(storage.getMounts("unused")).toEqual([]);
    }
  });

  test("is watched", async () => {
    const base = folder();
    const storage = createStorage();
    storage.mount("files", fs(configured("watched", { base })));
    storage.mount("items", memory(configured("watched")));
    const events = [];
    await storage.watch((event, key) => events.push(`${event} ${key}`));
    onTestFinished(() => storage.unwatch());
    await storage.setItem("items:a", 1);
    expect(events).toEqual(["update items:a"]);
    writeFileSync(join(base, "b"), "text");
    await vi.waitFor(() => expect(events).toContain("update files:b"), 20_000);
  });

  test("that is mounted while others are watched is watched too", async () => {
    const base = folder();
    const storage = createStorage();
    const events = [];
    await storage.watch((event, key) => events.push(`${event} ${key}`));
    onTestFinished(() => storage.unwatch());
    storage.mount("files", fs(configured("watched", { base })));
    await vi.waitFor(async () => {
      writeFileSync(join(base, "b"), String(Math.random()));
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect(events).toContain("update files:b");
    }, 20_000);
  });
});
