/** `useStorage` and `defineStorage` without a server. */
import { createStorage, defineStorage, isNative, setStorage, useStorage } from "rustorage";
import fs from "rustorage/drivers/fs";
import lruCache from "rustorage/drivers/lru-cache";
import memory from "rustorage/drivers/memory";
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { mapDriver } from "./conformance/map-driver.js";

const checkout = fileURLToPath(new URL("..", import.meta.url));
const home = process.cwd();

/** The working directory of the test. */
let here;

beforeEach(() => {
  delete globalThis[Symbol.for("rustorage.storage.v0")];
  delete globalThis[Symbol.for("rustorage.config.v0")];
  here = realpathSync(mkdtempSync(join(tmpdir(), "rustorage-")));
  process.chdir(here);
});

afterEach(() => {
  vi.unstubAllEnvs();
  process.chdir(home);
  rmSync(here, { recursive: true, force: true });
});

function mountsOf(storage) {
  return Object.fromEntries(storage.getMounts().map(({ base, driver }) => [base, driver.name]));
}

function refusal(cause, key) {
  return expect.objectContaining({
    code: "INVALID_OPTIONS",
    operation: "defineStorage",
    key,
    message: expect.stringContaining(cause),
  });
}

test.each(["lmdb", "sqlite"])("one option keeps data in a database: %s", async (driver) => {
  const storage = defineStorage({ data: driver });
  expect(mountsOf(storage)).toEqual({ "": "memory", "data:": driver });
  await useStorage("data").setItem("users:1", { name: "Ada" });
  expect(existsSync(join(here, `.data/kv.${driver}`))).toBe(true);
  expect(await storage.getItem("data:users:1")).toEqual({ name: "Ada" });
  await storage.dispose();
  // The next process has what this one kept, and the root forgot the rest.
  await storage.setItem("users:2", 1);
  const program = `
    import { defineStorage, useStorage } from "${pathToFileURL(join(checkout, "index.js"))}";
    defineStorage({ data: "${driver}" });
    const keys = await useStorage().getKeys();
    console.log(JSON.stringify([keys, await useStorage("data").getItem("users:1")]));
  `;
  const args = ["--input-type=module", "--eval", program];
  const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: here, encoding: "utf8" });
  expect(stderr).toBe("");
  expect(JSON.parse(stdout)).toEqual([["data:users:1"], { name: "Ada" }]);
});

test("data is kept in one place", () => {
  expect(() => defineStorage({ data: "redis" })).toThrow(
    refusal("`data` must be one of `fs`, `lmdb`, `sqlite`"),
  );
  const storage = { data: { driver: "memory" } };
  expect(() => defineStorage({ data: "lmdb", storage })).toThrow(
    refusal("`data` is in `storage` already", "data"),
  );
});

test("useStorage keeps the root in memory, and data in files", async () => {
  expect(mountsOf(useStorage())).toEqual({ "": "memory", "data:": "fs" });
  expect(readdirSync(here)).toEqual([]);
  await useStorage().setItem("root-item", 1);
  await useStorage("data").setItem("users:1", { name: "Ada" });
  expect(readdirSync(here)).toEqual([".data"]);
  expect(readFileSync(".data/kv/users/1", "utf8")).toBe('{"name":"Ada"}');
  expect(await useStorage().getKeys()).toEqual(["data:users:1", "root-item"]);
});

test("in development there are the mounts of Nitro", async () => {
  vi.stubEnv("NODE_ENV", "development");
  writeFileSync("package.json", "{}");
  expect(mountsOf(useStorage())).toEqual({
    "": "memory",
    "build:": "fs",
    "cache:": "fs",
    "data:": "fs",
    "root:": "fs",
    "src:": "fs",
  });
  await useStorage("cache").setItem("a", "text");
  expect(readFileSync(".nitro/cache/a", "utf8")).toBe("text");
  expect(await useStorage("build").getKeys()).toEqual(["cache:a"]);
  for (const name of ["root", "src"]) {
    expect(await useStorage(name).getItem("package.json")).toEqual({});
    await useStorage(name).setItem("package.json", 1);
  }
  expect(readFileSync("package.json", "utf8")).toBe("{}");
});

test("dev and the folders can be set", async () => {
  vi.stubEnv("NODE_ENV", "development");
  expect(mountsOf(defineStorage({ dev: false }))).toEqual({ "": "memory", "data:": "fs" });
  delete globalThis[Symbol.for("rustorage.storage.v0")];
  vi.stubEnv("NODE_ENV", "production");
  mkdirSync("app/source", { recursive: true });
  writeFileSync("app/source/main.js", "main");
  const buildDir = join(here, "build");
  const storage = defineStorage({ dev: true, rootDir: "app", srcDir: "source", buildDir });
  expect(await storage.getKeys("src")).toEqual(["src:main.js"]);
  expect(await storage.getKeys("root")).toEqual(["root:source:main.js"]);
  await storage.setItem("cache:a", 1);
  await storage.setItem("data:a", 1);
  expect([existsSync("build/cache/a"), existsSync("app/.data/kv/a")]).toEqual([true, true]);
});

test("defineStorage mounts by names, by ids, by factories and drivers", async () => {
  const driver = memory();
  const storage = defineStorage({
    storage: {
      named: { driver: "lruCache", max: 1 },
      id: { driver: "rustorage/drivers/fs-lite", base: "files" },
      original: { driver: "unstorage/drivers/fs", base: "originals" },
      factory: { driver: lruCache, max: 1 },
      driver: { driver },
      data: { driver: "memory" },
    },
  });
  expect(mountsOf(storage)).toEqual({
    "": "memory",
    "data:": "memory",
    "driver:": "memory",
    "factory:": "lru-cache",
    "id:": "fs-lite",
    "named:": "lru-cache",
    "original:": "fs",
  });
  expect(storage.getMounts().every((mount) => isNative(mount.driver))).toBe(true);
  expect(storage.getMount("driver:a").driver).toBe(driver);
  for (const base of ["named", "factory"]) {
    for (const key of ["a", "b"]) await storage.setItem(`${base}:${key}`, 1);
    expect(await storage.getKeys(base)).toEqual([`${base}:b`]);
  }
  await storage.setItem("id:a", "text");
  expect(readFileSync("files/a", "utf8")).toBe("text");
  expect(useStorage()).toBe(storage);
});

test("devStorage goes before storage in development only", () => {
  const config = {
    storage: { a: { driver: "lru-cache" }, b: { driver: "memory" } },
    devStorage: { a: { driver: "memory" }, cache: { driver: "memory" } },
  };
  expect(mountsOf(defineStorage({ ...config, dev: false }))).toEqual({
    "": "memory",
    "a:": "lru-cache",
    "b:": "memory",
    "data:": "fs",
  });
  delete globalThis[Symbol.for("rustorage.storage.v0")];
  expect(mountsOf(defineStorage({ ...config, dev: true }))).toMatchObject({
    "a:": "memory",
    "b:": "memory",
    "cache:": "memory",
    "root:": "fs",
  });
});

test("defineStorage is for once: the same again gives the same, another is refused", () => {
  const config = () => ({ dev: false, storage: { a: { driver: "fs", base: "a", ignore: ["b"] } } });
  const storage = defineStorage(config());
  expect(defineStorage(config())).toBe(storage);
  expect(() => defineStorage()).toThrow(refusal("called before with a different config"));
  expect(useStorage()).toBe(storage);
});

test("a server does not take the place of what defineStorage made", () => {
  const storage = defineStorage();
  expect(() => setStorage(createStorage())).toThrow(
    expect.objectContaining({
      code: "INVALID_OPTIONS",
      message: expect.stringContaining("its mounts belong into the server's config"),
    }),
  );
  setStorage(storage);
  expect(useStorage()).toBe(storage);
});

test("defineStorage is refused after useStorage, and where a server has set its storage", () => {
  useStorage();
  expect(() => defineStorage({})).toThrow(refusal("there is a storage already"));
  setStorage(createStorage());
  expect(() => defineStorage({})).toThrow(refusal("there is a storage already"));
});

test.each([
  [5, "the config must be an object"],
  [
    { devstorage: {} },
    "unknown field `devstorage`, expected one of `data`, `storage`, `devStorage`",
  ],
  [{ dev: "yes" }, "`dev` must be a boolean"],
  [{ storage: [] }, "`storage` must be an object"],
  [{ rootDir: 5 }, "`rootDir` must be a string"],
  [{ storage: { a: "memory" } }, "a mount is an object with a `driver`", "a"],
  [{ storage: { a: {} } }, "a mount is an object with a `driver`", "a"],
  [
    { storage: { a: { driver: 5 } } },
    "`driver` must be a driver's name, a factory or a driver",
    "a",
  ],
  [{ storage: { a: { driver: memory(), ttl: 5 } } }, "the option `ttl` is for the factory", "a"],
  [
    { storage: { a: { driver: "redsi" } } },
    'unknown driver "redsi", expected a factory or one of `azure',
    "a",
  ],
  [{ storage: { a: { driver: "toString" } } }, 'unknown driver "toString"', "a"],
])("defineStorage refuses %j", (config, cause, mount) => {
  expect(() => defineStorage(config)).toThrow(refusal(cause, mount));
  // Nothing of it is left.
  expect(mountsOf(defineStorage({}))).toEqual({ "": "memory", "data:": "fs" });
});

test("a mistaken option of a native driver is told by defineStorage, a missing variable by the first call", async () => {
  expect(() => defineStorage({ storage: { a: { driver: "fs", bse: "x" } } })).toThrow(
    expect.objectContaining({ code: "INVALID_OPTIONS", key: "a" }),
  );
  const storage = defineStorage({ storage: { files: { driver: "fs", base: "{{FILES}}" } } });
  await storage.setItem("other", 1);
  await expect(storage.setItem("files:a", 1)).rejects.toMatchObject({
    key: "files",
    message: expect.stringContaining("needs the environment variable FILES"),
  });
  vi.stubEnv("NUXT_STORAGE_FILES_BASE", join(here, "files"));
  await storage.setItem("files:a", 1);
  expect(existsSync("files/a")).toBe(true);
});

test("a factory in JavaScript gets the options that the environment has, with the first call", async () => {
  const given = [];
  const custom = (options) => {
    given.push(options);
    return { ...mapDriver(), name: "custom", getItems: undefined, setItems: undefined };
  };
  const client = { send: () => {} };
  const options = { url: "{{URL}}", port: 1, tls: { verify: true }, hosts: ["{{URL:x}}"], client };
  const storage = defineStorage({ storage: { custom: { driver: custom, ...options } } });
  expect(isNative(storage.getMount("custom:a").driver)).toBe(false);
  await expect(storage.getItem("custom:a")).rejects.toMatchObject({
    code: "INVALID_OPTIONS",
    driver: "custom",
    key: "custom",
    message: expect.stringContaining("the option `url` needs the environment variable URL"),
  });
  expect(given).toEqual([]);
  vi.stubEnv("URL", "x:y");
  vi.stubEnv("NITRO_STORAGE_CUSTOM_PORT", "s3cret");
  await expect(storage.setItem("custom:a", 1)).rejects.toMatchObject({
    message: expect.stringMatching(/CUSTOM_PORT must be a number, for the option `port`$/),
  });
  vi.stubEnv("NITRO_STORAGE_CUSTOM_PORT", "5");
  vi.stubEnv("NITRO_STORAGE_CUSTOM_TLS_VERIFY", "false");
  await Promise.all([storage.setItem("custom:a", 1), storage.setItem("custom:b", 2)]);
  expect(await storage.getItems(["custom:a", "custom:b"])).toEqual([
    { key: "custom:a", value: 1 },
    { key: "custom:b", value: 2 },
  ]);
  expect(given).toEqual([{ url: "x:y", port: 5, tls: { verify: false }, hosts: ["x:y"], client }]);
  expect(given[0].client).toBe(client);
});

test("who asks for a mount's driver gets what the factory gave, and what tells why where it gave nothing", async () => {
  const made = [];
  const custom = ({ url }) => {
    made.push(url);
    return { ...mapDriver(), name: "custom", urlOf: (key) => `${url}/${key}` };
  };
  const storage = defineStorage({ storage: { a: { driver: custom, url: "{{URL}}" } } });
  expect(() => storage.getMount("a:b").driver.getItem("b")).toThrow(
    "the option `url` needs the environment variable URL",
  );
  vi.stubEnv("URL", "http://x");
  expect(storage.getMounts("a").map(({ base }) => base)).toEqual(["a:"]);
  expect(made).toEqual([]);
  expect(storage.getMount("a:b").driver.urlOf("b")).toBe("http://x/b");
  await storage.setItem("a:b", 1);
  expect(await storage.getMount("a").driver.getItem("b")).toBe("1");
  expect(made).toEqual(["http://x"]);
});

test("what a factory gives has to be a driver", async () => {
  const storage = defineStorage({ storage: { a: { driver: async () => mapDriver() } } });
  await expect(storage.getItem("a:b")).rejects.toMatchObject({
    code: "INVALID_OPTIONS",
    message: expect.stringContaining("a promise is no driver"),
  });
});

test("a driver of unstorage's works by its name, and shows nothing of the environment", async () => {
  const items = new Map();
  const binding = {
    get: (key) => items.get(key) ?? null,
    put: (key, value) => items.set(key, value),
    delete: (key) => items.delete(key),
    list: () => ({ keys: [...items.keys()].map((name) => ({ name })), cursor: undefined }),
  };
  vi.stubEnv("KV_BASE", "s3cret");
  const storage = defineStorage({
    storage: { kv: { driver: "cloudflareKVBinding", binding, base: "{{KV_BASE}}" } },
  });
  await storage.setItem("kv:a", { n: 1 });
  expect(await storage.getItem("kv:a")).toEqual({ n: 1 });
  expect([...items.keys()]).toEqual(["s3cret:a"]);
  expect(storage.getMount("kv:a").driver.options).toEqual({ binding, base: "{{KV_BASE}}" });
});

test("drivers in JavaScript of this package work by their names", async () => {
  const layers = [memory(), memory()];
  await layers[1].setItem("a", "below");
  const storage = defineStorage({
    storage: { nothing: { driver: "null" }, layered: { driver: "overlay", layers } },
  });
  await storage.setItem("nothing:a", 1);
  expect(await storage.getKeys("nothing")).toEqual([]);
  expect(await storage.getItem("layered:a")).toBe("below");
});

test.each([
  ["mongodb", ": install unstorage and mongodb"],
  ["planetscale", ": install unstorage and @planetscale/database"],
  ["indexedb", ", and works in a browser only"],
  ["cloudflareKVBinding", ", and works in Cloudflare's runtime only"],
])("a driver of unstorage's says what it takes: %s", (name, words) => {
  mkdirSync("node_modules/rustorage", { recursive: true });
  for (const part of ["index.js", "js", "npm", "package.json"]) {
    symlinkSync(join(checkout, part), join("node_modules/rustorage", part));
  }
  symlinkSync(join(checkout, "node_modules/destr"), "node_modules/destr");
  const program = `
    import { defineStorage } from "rustorage";
    try { defineStorage({ storage: { kv: { driver: "${name}" } } }); }
    catch (error) { console.log(JSON.stringify({ ...error, message: error.message })); }
  `;
  writeFileSync("program.mjs", program);
  const flags = ["--preserve-symlinks", "--preserve-symlinks-main"];
  const { stdout, stderr } = spawnSync(process.execPath, [...flags, "program.mjs"], {
    encoding: "utf8",
  });
  expect(stderr).toBe("");
  expect(JSON.parse(stdout)).toMatchObject({
    code: "INVALID_OPTIONS",
    driver: name,
    key: "kv",
    message: `[rustorage] [${name}] create "kv": the driver is unstorage's${words}`,
  });
});

test("a driver in code is as it was given", async () => {
  vi.stubEnv("NITRO_STORAGE_CODE_BASE", "elsewhere");
  const storage = defineStorage({ storage: { code: { driver: fs({ base: "{{HERE}}" }) } } });
  await storage.setItem("code:a", 1);
  expect(existsSync("{{HERE}}/a")).toBe(true);
  onTestFinished(() => storage.dispose());
});
