/** What the module makes of a Nitro's options; the other tests of this folder run real apps. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import rustorage, { withNativeStorage } from "rustorage/nitro";
import nuxtModule from "rustorage/nuxt";
import { builtinDrivers } from "rustorage";

/** As much of a Nitro as the module looks at. */
function fakeNitro(options, meta = { majorVersion: 3 }) {
  const hooks = [];
  return {
    meta,
    logger: { error: vi.fn(), warn: vi.fn() },
    hooks: { hook: (name, listener) => hooks.push([name, listener]) },
    async build() {
      for (const [name, listener] of hooks) if (name === "build:before") await listener();
    },
    options: {
      dev: true,
      node: true,
      preset: "nitro-dev",
      rootDir: "/app/",
      buildDir: "/app/node_modules/.nitro/",
      serverDir: "/app/server/",
      virtual: {},
      plugins: ["/app/server/plugins/first.js"],
      storage: {},
      devStorage: {},
      ...options,
    },
  };
}

async function configured(options, meta) {
  const nitro = fakeNitro(options, meta);
  rustorage.setup(nitro);
  await nitro.build();
  return nitro;
}

test("native mounts import our drivers and know their own names, whatever name the config has for the driver", async () => {
  const { options } = await configured({
    rustorage: { defaultMounts: false },
    storage: {
      a: { driver: "fs", base: "a" },
      "b:c": { driver: "lruCache", max: 3 },
      d: { driver: "unstorage/drivers/memory" },
      e: { driver: "rustorage/drivers/fs-lite", base: "e" },
    },
    devStorage: { f: { driver: "fsLite", base: "f" } },
  });
  expect(options.storage).toEqual({
    a: { driver: "rustorage/drivers/fs", base: "a", "rustorage:mount": "a" },
    "b:c": { driver: "rustorage/drivers/lru-cache", max: 3, "rustorage:mount": "b:c" },
    d: { driver: "rustorage/drivers/memory", "rustorage:mount": "d" },
    e: { driver: "rustorage/drivers/fs-lite", base: "e", "rustorage:mount": "e" },
  });
  expect(options.devStorage).toEqual({
    f: { driver: "rustorage/drivers/fs-lite", base: "f", "rustorage:mount": "f" },
  });
});

test("redis reads and writes raw values as unstorage 1 does where the app has that, unless told otherwise", async () => {
  const storage = {
    usual: { driver: "redis" },
    told: { driver: "unstorage/drivers/redis", legacyRaw: false },
    other: { driver: "memory" },
  };
  const legacyRaw = async (majorVersion) => {
    const { options } = await configured({ storage: { ...storage } }, { majorVersion });
    return Object.keys(storage).map((name) => options.storage[name].legacyRaw);
  };
  expect(await legacyRaw(2)).toEqual([true, false, undefined]);
  expect(await legacyRaw(3)).toEqual([undefined, false, undefined]);
});

test("so is redis that a plugin imports by unstorage's name and mounts, where that is unstorage 1", async () => {
  const source = async (id, majorVersion) => {
    const { options } = await configured({}, { majorVersion });
    const [{ resolveId, load }] = options.rollupConfig.plugins;
    return load.handler(resolveId.handler(id).id);
  };
  const legacy = 'export default (options) => redis({ ...{"legacyRaw":true}, ...options });';
  expect(await source("unstorage/drivers/redis", 2)).toContain(legacy);
  expect(await source("unstorage/drivers/redis", 3)).toContain("export { default } from");
  expect(await source("unstorage/drivers/fs", 2)).toContain("export { default } from");
});

test("mounts of other drivers import what makes these late, and know their own names", async () => {
  const storage = {
    kv: { driver: "cloudflare-kv-binding", binding: "KV" },
    alike: { driver: "cloudflare-kv-binding", binding: "OTHER" },
    own: { driver: "/app/drivers/own.js" },
    aliased: { driver: "mine" },
    made: { driver: "made", anything: 1 },
    installed: { driver: "vitest" },
  };
  const modules = { alias: { mine: "/app/mine.js" }, virtual: { made: "export default 1" } };
  const rootDir = process.cwd();
  const nitro = await configured({ storage: { ...storage }, rootDir, ...modules });
  const { options } = nitro;
  const claimed = structuredClone(options.storage);
  await nitro.build();
  expect(options.storage).toEqual(claimed);
  for (const [name, mount] of Object.entries(storage)) {
    const late = expect.stringMatching(/^#rustorage\/driver\/\d$/);
    expect(claimed[name]).toEqual({ ...mount, driver: late, "rustorage:mount": name });
  }
  expect(claimed.alike.driver).toBe(claimed.kv.driver);
  expect(claimed.own.driver).not.toBe(claimed.kv.driver);
  const source = (name) => options.virtual[claimed[name].driver];
  expect(source("kv")).toContain('import factory from "unstorage/drivers/cloudflare-kv-binding"');
  expect(source("own")).toContain('import factory from "/app/drivers/own.js"');
  // The folder of the build is not in what is deployed.
  expect(source("own")).toContain('configDriver("own", ');
  expect(source("aliased")).toContain('import factory from "mine"');
});

test("clients that are installed reach unstorage's drivers in Nitro 3, as it would bring them", async () => {
  const storage = { a: { driver: "planetscale" }, b: { driver: "unstorage/drivers/deno-kv-node" } };
  const rootDir = mkdtempSync(join(tmpdir(), "rustorage-"));
  onTestFinished(() => rmSync(rootDir, { recursive: true }));
  const client = join(rootDir, "node_modules/@planetscale/database");
  mkdirSync(client, { recursive: true });
  writeFileSync(join(client, "index.js"), "");
  const source = async (name, majorVersion) => {
    const { options } = await configured({ storage: { ...storage }, rootDir }, { majorVersion });
    return options.virtual[options.storage[name].driver];
  };
  expect(await source("a", 3)).toContain('{ lib: () => import("@planetscale/database") }');
  expect(await source("a", 2)).not.toContain("@planetscale/database");
  expect(await source("b", 3)).not.toContain("@deno/kv");
});

test.each([
  [
    { driver: "fs", bas: "a" },
    'fs] create "a": unknown field `bas`, expected one of `atomic`, `base`',
  ],
  [
    { driver: "fs", base: "a", watchOptions: { deep: 1 } },
    'fs] create "a": unknown field `watchOptions.deep`, expected one of',
  ],
  [
    { driver: "lruCache", maxItems: 1 },
    'lru-cache] create "a": unknown field `maxItems`, expected one of `allowStale`',
  ],
  [{ driver: "overlay", layers: [] }, 'overlay] create "a": the option `layers` is required'],
  [{ driver: "redys" }, 'none] build "a": unknown driver "redys", expected a module or one of `'],
  [{ driver: "constructor" }, 'none] build "a": unknown driver "constructor"'],
  [{ base: "a" }, 'none] build "a": a mount is an object with a `driver`'],
  ["fs", 'none] build "a": a mount is an object with a `driver`'],
])(
  "a mount that could not work ends the build, and no development server: %o",
  async (mount, message) => {
    for (const storage of ["storage", "devStorage"]) {
      const b = { driver: "fs", base: "b" };
      const { logger, options } = await configured({ [storage]: { a: mount, b } });
      expect(logger.error.mock.calls).toEqual([
        [expect.stringContaining(`[rustorage] [${message}`)],
      ]);
      expect(options[storage].b).toHaveProperty("rustorage:mount", "b");
      const build = { dev: false, preset: "nitro-prerender" };
      await expect(configured({ ...build, [storage]: { a: mount } })).rejects.toThrow(
        expect.objectContaining({
          code: "INVALID_OPTIONS",
          key: "a",
          message: expect.stringContaining(`[rustorage] [${message}`),
        }),
      );
    }
  },
);

test("a driver that unstorage does not have is found by its name, and needs no client", async () => {
  builtinDrivers.ours = "rustorage/drivers/redis";
  try {
    const config = withNativeStorage({
      storage: { a: { driver: "ours", host: "x" }, data: { driver: "fs", base: "data" } },
    });
    // A file, which Nitro takes neither for a package nor for one of unstorage's drivers.
    expect(config.storage.a).toEqual({
      driver: expect.stringMatching(/^file:.*\/js\/drivers\/redis\.js$/),
      host: "x",
      "rustorage:mount": "a",
    });
    expect(config.storage.data).toEqual({ driver: "fs", base: "data" });
    const { options } = await configured({ storage: config.storage });
    expect(options.storage.a.driver).toBe("rustorage/drivers/redis");
  } finally {
    delete builtinDrivers.ours;
  }
});

test("withNativeStorage keeps the config and adds the module", () => {
  const config = { serverDir: "server", modules: ["./mine"], storage: {} };
  expect(withNativeStorage(config)).toEqual({
    ...config,
    modules: ["./mine", rustorage],
    devStorage: {},
  });
  expect(config.modules).toEqual(["./mine"]);
});

/** Nitro's config as the Nuxt module leaves it. */
function nuxtConfigured(config, inline = {}, options = {}) {
  const hooks = {};
  nuxtModule(inline, { options, hook: (name, listener) => (hooks[name] = listener) });
  hooks["nitro:config"]?.(config);
  return config;
}

test("the Nuxt module does the same to Nuxt's Nitro", () => {
  const config = nuxtConfigured({ storage: { a: { driver: "lru-cache" } } });
  expect(config.modules).toEqual([rustorage]);
  expect(config.storage.a.driver).toMatch(/^file:/);
});

test("the Nuxt module has its options beside it, under its name, or from Nitro's config, and is off where its name is false", () => {
  const ofNitro = { defaultMounts: false, data: "fs" };
  const options = (...given) => nuxtConfigured({ rustorage: ofNitro }, ...given).rustorage;
  expect(options()).toEqual(ofNitro);
  expect(options({}, { rustorage: { data: "lmdb" } })).toEqual({ ...ofNitro, data: "lmdb" });
  const both = [{ data: "sqlite" }, { rustorage: { data: "lmdb" } }];
  expect(options(...both)).toEqual({ ...ofNitro, data: "sqlite" });
  expect(nuxtConfigured({}, {}, { rustorage: false })).toEqual({});
});

test("Nitro 3 gets the mounts of Nitro 2, but for those that the config has or does not want", async () => {
  const { options } = await configured({ devStorage: { cache: { driver: "memory" } } });
  const { root, src, build, cache, data } = options.devStorage;
  expect(root).toMatchObject({ base: "/app", readOnly: true });
  expect(src).toMatchObject({ base: "/app/server", readOnly: true });
  expect(build).toMatchObject({ base: "/app/node_modules/.nitro" });
  expect(cache.driver).toBe("rustorage/drivers/memory");
  expect(data).toMatchObject({ base: "/app/.data/kv" });

  const storage = { data: { driver: "memory" }, cache: { driver: "memory" } };
  const own = (await configured({ storage })).options;
  expect(own.devStorage).not.toHaveProperty("data");
  expect(own.devStorage).not.toHaveProperty("cache");
  const off = (await configured({ rustorage: { defaultMounts: false } })).options;
  expect([off.storage, off.devStorage]).toEqual([{}, {}]);
  const two = (await configured({}, { majorVersion: 2 })).options;
  expect([two.storage, two.devStorage]).toEqual([{}, {}]);
});

test("the plugin that shares the storage is the first, and there once however often the module comes", () => {
  const nitro = fakeNitro({});
  rustorage.setup(nitro);
  rustorage.setup(nitro);
  expect(nitro.options.plugins).toEqual(["#rustorage/plugin", "/app/server/plugins/first.js"]);
  expect(nitro.options.rollupConfig.plugins.map(({ name }) => name)).toEqual(["rustorage"]);
});

test.each([
  [{ node: false, preset: "cloudflare-module" }, "the preset `cloudflare-module`"],
  [{ noExternals: true }, "`noExternals`"],
])(
  "where no addon can be loaded, unstorage stays and one warning says so: %o",
  async (options, why) => {
    const storage = {
      data: { driver: "fs", base: "data" },
      recent: { driver: "lruCache" },
      files: { driver: "rustorage/drivers/fs-lite", base: "files" },
      kv: { driver: "rustorage/drivers/cloudflare-kv-binding", binding: "KV" },
      own: { driver: "rustorage/drivers/none-of-this-name" },
    };
    const nitro = fakeNitro({ ...options, storage: withNativeStorage({ storage }).storage });
    rustorage.setup(nitro);
    rustorage.setup(nitro);
    await nitro.build();
    expect(nitro.logger.warn.mock.calls).toEqual([[expect.stringContaining(why)]]);
    expect(nitro.options.storage).toEqual({
      ...storage,
      recent: { driver: "lru-cache" },
      files: { driver: "fs-lite", base: "files" },
      kv: { driver: "cloudflare-kv-binding", binding: "KV" },
    });
    expect(nitro.options).not.toHaveProperty("rollupConfig");
    expect(nitro.options.plugins).not.toContain("#rustorage/plugin");
  },
);

test("variables in options are warned of where nobody replaces them", async () => {
  const storage = {
    kv: { driver: "cloudflare-kv-binding", binding: "{{KV}}" },
    files: { driver: "fs", base: "{{FILES:files}}" },
    plain: { driver: "cloudflare-kv-binding", binding: "{KV}" },
  };
  const devStorage = { deep: { driver: "/app/own.js", list: [{ text: "a {{B}}" }] } };
  const warnings = async (more) => {
    const mounts = { storage: { ...storage }, devStorage: { ...devStorage } };
    const { logger } = await configured({ ...mounts, ...more });
    return logger.warn.mock.calls.flat().filter((text) => text.includes("{{VAR}}"));
  };
  expect(await warnings({})).toEqual([]);
  expect(await warnings({ node: false, preset: "cloudflare-module" })).toEqual([
    expect.stringContaining("options of `kv`, `files`, `deep`."),
  ]);
});

test("the Nitro that renders routes for another has the module too", async () => {
  const storage = { files: { driver: "fs", base: "files" } };
  const { options } = await configured({ storage: { ...storage } });
  const config = { storage, virtual: { ...options.virtual }, preset: "nitro-prerender" };
  const renderer = await configured(config);
  expect(renderer.options.storage.files.driver).toBe("rustorage/drivers/fs");
  expect(renderer.options.plugins[0]).toBe("#rustorage/plugin");
});

test("a linked package is refused where it would have to be copied", async () => {
  await expect(configured({ dev: false, preset: "node-server" })).rejects.toThrow(
    "[rustorage] The package is linked",
  );
});

test("what imports our modules gets ours, or unstorage's where a driver is borrowed", async () => {
  const { options } = await configured({ builder: "vite" });
  const [{ resolveId, load }] = options.rollupConfig.plugins;
  const imported = (id) => {
    if (!resolveId.filter.id.test(id)) return undefined;
    const resolved = resolveId.handler(id);
    return resolved && !resolved.external ? load.handler(resolved.id) : resolved;
  };
  const all = (id) => `export * from "${id}";`;
  const driver = (id) => `${all(id)}\nexport { default } from "${id}";`;
  expect(imported("rustorage/drivers/fs")).toEqual({ id: "rustorage/drivers/fs", external: true });
  expect(imported("rustorage/server")).toEqual({ id: "rustorage/server", external: true });
  expect(imported("unstorage")).toBe(all("rustorage"));
  expect(imported("unstorage/server")).toBe(all("rustorage/server"));
  expect(imported("unstorage/tracing")).toBe(all("rustorage/tracing"));
  expect(imported("unstorage/drivers/fs")).toBe(driver("rustorage/drivers/fs"));
  expect(imported("unstorage/drivers/mongodb")).toBe(null);
  expect(imported("rustorage/drivers/mongodb")).toBe(driver("unstorage/drivers/mongodb"));
  expect(imported("unstorage/other")).toBe(undefined);
});

test.each([
  ["rustorage", "index.js"],
  ["rustorage/server", "js/server/index.js"],
  ["rustorage/drivers/fs", "js/drivers/fs.js"],
])("%s is imported by its place where it runs as it is built, but under Vite", async (id, path) => {
  const place = new URL(`../../${path}`, import.meta.url).href;
  const imported = async (more, meta) => {
    const { options } = await configured(more, meta);
    const { resolveId } = options.rollupConfig.plugins[0];
    return (resolveId.handler ?? resolveId)(id);
  };
  expect(await imported({})).toEqual({ id: place, external: true });
  const renderer = { dev: false, preset: "nitro-prerender" };
  expect(await imported(renderer, { majorVersion: 2 })).toEqual({ id: place, external: true });
  expect(await imported({ builder: "vite" })).toEqual({ id, external: true });
  // 3.0.0 does not say whether it is Vite's.
  expect(await imported({}, {})).toEqual({ id, external: true });
});

test("the mount `data` is switched to a database by one option", async () => {
  for (const driver of ["lmdb", "sqlite"]) {
    const claimed = (path) => ({
      driver: `rustorage/drivers/${driver}`,
      path,
      "rustorage:mount": "data",
    });
    const development = await configured({ rustorage: { data: driver } });
    expect(development.options.devStorage.data).toEqual(claimed(`/app/.data/kv.${driver}`));
    const preset = "nitro-prerender";
    const deployed = await configured({ dev: false, preset, rustorage: { data: driver } });
    expect(deployed.options.storage.data).toEqual(claimed(`./.data/kv.${driver}`));
    // Nitro 2 has one by itself by then.
    const two = { majorVersion: 2 };
    const devStorage = { data: { driver: "fs", base: "/app/.data/kv" } };
    const before = await configured({ devStorage, rustorage: { data: driver } }, two);
    expect(before.options.devStorage.data).toEqual(claimed(`/app/.data/kv.${driver}`));
  }
  await expect(configured({ rustorage: { data: "redis" } })).rejects.toThrow(
    "`rustorage.data` must be one of `fs`, `lmdb`, `sqlite`",
  );
  await expect(configured({ rustorage: { dta: "lmdb" } })).rejects.toThrow(
    "unknown option `rustorage.dta`, expected one of `data`, `defaultMounts`",
  );
  const storage = { data: { driver: "memory" } };
  await expect(configured({ storage, rustorage: { data: "lmdb" } })).rejects.toMatchObject({
    code: "INVALID_OPTIONS",
    key: "data",
  });
});

test.each([
  [2, true, true],
  [2, {}, true],
  [2, { unstorage: false }, false],
  [2, undefined, false],
  [undefined, { unstorage: true }, true],
  // The beta does it by itself.
  [3, { unstorage: true }, false],
])(
  "Nitro %s with tracingChannel %o has its storage traced: %s",
  async (majorVersion, tracingChannel, traced) => {
    const { options } = await configured({ tracingChannel }, { majorVersion });
    const [plugin] = options.rollupConfig.plugins;
    const resolve = plugin.resolveId.handler ?? plugin.resolveId;
    const load = plugin.load.handler ?? plugin.load;
    const source = (importer) => load(resolve("unstorage", importer).id);
    expect(source("/app/server/plugin.js")).toBe('export * from "rustorage";');
    const own = source("\0virtual:#nitro-internal-virtual/storage");
    expect(own.includes("withTracing(create(options))")).toBe(traced);
  },
);
