/** What holds in every target: in production, moved away from the project, and in development. */
import { existsSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { buildApp, removeApp, run, startApp, startDevelopment } from "../../scripts/app.js";
import { driver, setUpTarget } from "./targets.js";

const MINUTES = 60_000;

const TYPESCRIPT = fileURLToPath(new URL("../../node_modules/typescript/bin/tsc", import.meta.url));

/**
 * What mounts read when they are first used: `private` a folder of its config's, and an option in the place of its config's; `own`, whose driver
 * is the app's, the same, and `remote`, whose driver is unstorage's, its base.
 */
export const RUN_TIME = {
  PRIVATE_FOLDER: "of-run-time",
  NITRO_STORAGE_PRIVATE_TTL: "0.5",
  OWN_PREFIX: "of-run-time",
  NITRO_STORAGE_OWN_SIZE: "5",
  REMOTE_BASE: "of-run-time",
};

/** The same while the app is built, where none of it may be seen. */
const BUILD = {
  PRIVATE_FOLDER: "secret-of-build-time",
  NITRO_STORAGE_PRIVATE_TTL: "86399.5",
  OWN_PREFIX: "own-secret-of-build-time",
  NITRO_STORAGE_OWN_SIZE: "86398.5",
  REMOTE_BASE: "remote-secret-of-build-time",
};

export function testTarget(name, manager) {
  const title = [name, manager].filter(Boolean).join(", ");
  let target;
  let server;
  let api;

  beforeAll(() => {
    target = setUpTarget(name, manager);
  }, 10 * MINUTES);

  /** The mounts, by their bases: whether each is native. */
  async function natives() {
    const { mounts, shared } = await api.get("/mounts");
    expect(shared).toBe(true);
    return Object.fromEntries(mounts.map(({ base, native }) => [base, native]));
  }

  function use(started) {
    server = started;
    api = driver(started.ask);
  }

  const OWN = {
    "": true,
    "cache:": true,
    "data:": true,
    "files:": true,
    "recent:": true,
    "latest:": true,
    "notes:": true,
    "private:": true,
    // JavaScript by their nature.
    "assets:": false,
    "nothing:": false,
    "own:": false,
    "remote:": false,
  };

  describe(`${title}: production, moved away from the project`, () => {
    let folder;

    beforeAll(async () => {
      // CI: where Nitro installs by itself what it thinks is missing.
      folder = buildApp(target.app, { ...target, env: { ...target.env, ...BUILD, CI: "1" } });
      use(await startApp(folder, { node: target.node, env: { ...RUN_TIME, LATEST_MAX: "3" } }));
    }, 10 * MINUTES);

    afterAll(async () => {
      await server?.stop();
      if (folder) removeApp(folder);
    });

    test("every mount is native, and both useStorage give one storage", async () => {
      expect(await natives()).toEqual(OWN);
    });

    testBehaviour(
      () => api,
      () => folder,
      () => target.asset,
    );

    test("an option of a run-time mount comes from the environment", async () => {
      for (const key of ["1", "2", "3", "4"]) await api.call("latest", "setItem", key, key);
      expect(await api.call("latest", "getKeys")).toEqual(["4", "3", "2"]);
    });

    test("what is on disk is under the server's folder and survives a restart, what is in memory does not", async () => {
      await api.call("data", "setItem", "kept", { on: "disk" });
      await api.call("", "setItem", "kept", { in: "memory" });
      expect(readFileSync(join(folder, ".data/kv/kept"), "utf8")).toBe('{"on":"disk"}');
      await server.stop();
      use(await startApp(folder, { node: target.node }));
      expect(await api.call("data", "getItem", "kept")).toEqual({ on: "disk" });
      expect(await api.call("", "getItem", "kept")).toBe(null);
    });

    // The server above was started anew, without these variables.
    test("a variable that is missing fails the calls of its mount, and no others", async () => {
      const error = await api.call("private", "getItem", "a").catch((caught) => caught);
      expect(error.code).toBe("INVALID_OPTIONS");
      expect(error.message).toBe(
        '[rustorage] [fs] create "private": the option `base` needs the environment variable PRIVATE_FOLDER, which is not set',
      );
      for (const [mount, driver, message] of [
        ["own", "own", "the option `prefix` needs the environment variable OWN_PREFIX"],
        ["remote", "vercel-runtime-cache", "the option `base` needs the environment variable"],
      ]) {
        const failed = await api.call(mount, "getItem", "options").catch((caught) => caught);
        expect(failed.code).toBe("INVALID_OPTIONS");
        expect(failed.message).toContain(`[rustorage] [${driver}] create "${mount}": ${message}`);
      }
      await api.call("data", "setItem", "other", 1);
      expect(await api.call("data", "getItem", "other")).toBe(1);
    });

    test("nothing of the environment of the build is in what is deployed", () => {
      const output = join(folder, "output");
      const files = readdirSync(output, { recursive: true })
        .map((file) => join(output, file))
        .filter((file) => statSync(file).isFile());
      const holding = (text) => files.filter((file) => readFileSync(file).includes(text));
      // The search would find it.
      expect(holding("{{PRIVATE_FOLDER}}")).not.toEqual([]);
      for (const value of Object.values(BUILD)) expect(holding(value)).toEqual([]);
    });

    test(
      "an option that the driver does not have ends the build",
      () => {
        const build = () =>
          run(["npm", "run", "build"], target.app, target.node, { ...target.env, MISSPELT: "1" });
        // Some print it without the backquotes.
        expect(build).toThrow(
          /\[rustorage\] \[lru-cache\] create "recent": unknown field `?maxItems`?, expected one of `?allowStale/,
        );
      },
      5 * MINUTES,
    );

    // Types come from the same files under pnpm, where Nuxt does not show Nitro's to an app.
    if (manager !== "pnpm") {
      test("the compiler knows the module, its options, and the types of items", () => {
        expect(run([process.execPath, TYPESCRIPT, "-p", "types"], target.app)).toBe("");
      });
    }

    test("a driver's client was neither needed nor installed", () => {
      const { dependencies } = JSON.parse(readFileSync(join(target.app, "package.json"), "utf8"));
      expect(Object.keys(dependencies)).not.toContain("lru-cache");
      expect(existsSync(join(folder, "output/server/node_modules/lru-cache"))).toBe(false);
    });
  });

  describe(`${title}: development`, () => {
    beforeAll(async () => {
      const env = { ...target.env, ...RUN_TIME };
      use(await startDevelopment(target.app, target.development, { ...target, env }));
    }, 10 * MINUTES);

    afterAll(async () => {
      await server?.stop();
    });

    test("every mount is native, Nitro's default mounts too", async () => {
      const defaults = { "root:": true, "src:": true, "build:": true };
      expect(await natives()).toEqual({ ...OWN, ...defaults });
    });

    testBehaviour(
      () => api,
      () => target.app,
    );

    test("root and src show the project, and cannot be written", async () => {
      expect(await api.call("root", "getItem", "package.json")).toMatchObject({ private: true });
      expect(await api.call("src", "hasItem", "target.js")).toBe(true);
      await api.call("root", "setItem", "written", "no");
      expect(existsSync(join(target.app, "written"))).toBe(false);
    });

    test("data is in .data/kv of the project, and devStorage replaces a mount of storage", async () => {
      await api.call("data", "setItem", "developed", [1]);
      expect(readFileSync(join(target.app, ".data/kv/developed"), "utf8")).toBe("[1]");
      const { mounts } = await api.get("/mounts");
      expect(mounts.find(({ base }) => base === "files:").driver).toBe("memory");
    });

    test("a change of the code reloads the server, which finds its data", async () => {
      await api.call("data", "setItem", "kept", "here");
      const route = join(target.app, "server/routes/index.js");
      writeFileSync(route, readFileSync(route, "utf8").replace("version: 1", "version: 2"));
      await vi.waitFor(async () => expect(await api.get("/")).toEqual({ version: 2 }), {
        timeout: MINUTES,
      });
      expect(await api.call("data", "getItem", "kept")).toBe("here");
    });
  });
}

/** What does not differ between production and development. */
function testBehaviour(api, folder, asset = () => undefined) {
  test("items, batches, raw values and keys", async () => {
    const { call } = api();
    await call("", "set", "test:foo", { hello: "world" });
    expect(await call("", "get", "test:foo")).toEqual({ hello: "world" });
    expect(await call("test", "get", "foo")).toEqual({ hello: "world" });
    await call("data", "setItems", [
      { key: "a", value: 1 },
      { key: "a:b", value: "two" },
    ]);
    expect(await call("data", "getItems", ["a:b", "a"])).toEqual([
      { key: "a:b", value: "two" },
      { key: "a", value: 1 },
    ]);
    expect((await call("data", "getKeys", "a")).toSorted()).toEqual(["a:b"]);
    await call("files", "setItemRaw", "raw", "text");
    expect(await call("files", "getItemRaw", "raw")).toBeDefined();
    await call("data", "clear");
    expect(await call("data", "getKeys")).toEqual([]);
  });

  test("a key of data inside data is another key", async () => {
    const { call } = api();
    await call("data", "set", "test", "here");
    expect(await call("data", "get", "data:test")).toBe(null);
    expect(await call("", "get", "data:test")).toBe("here");
  });

  test("a mount's options hold, and so does an item's life", async () => {
    const { call } = api();
    for (const key of ["1", "2", "3"]) await call("recent", "setItem", key, key);
    expect(await call("recent", "getKeys")).toEqual(["3", "2"]);
    await call("files", "setItem", "short", "life", { ttl: 0.5 });
    await vi.waitFor(async () => expect(await call("files", "hasItem", "short")).toBe(false), {
      timeout: MINUTES,
    });
  });

  test("options of a config come from the environment when their mount is first used", async () => {
    const { call } = api();
    await call("private", "setItem", "long", "life", { ttl: 3600 });
    const file = join(folder(), ".data", RUN_TIME.PRIVATE_FOLDER, "long");
    expect(readFileSync(file, "utf8")).toBe("life");
    await call("private", "setItem", "short", "life");
    await vi.waitFor(async () => expect(await call("private", "hasItem", "short")).toBe(false), {
      timeout: MINUTES,
    });
  });

  test("so do those of drivers in JavaScript, the app's own and unstorage's", async () => {
    const { call } = api();
    const given = { prefix: RUN_TIME.OWN_PREFIX, size: 5 };
    expect(await call("own", "getItem", "options")).toEqual(given);
    expect(await call("remote", "getItem", "a")).toEqual({ asked: `${RUN_TIME.REMOTE_BASE}:a` });
  });

  test("a failed call names its driver", async () => {
    const error = await api()
      .call("data", "setItem", "x".repeat(300), "too long a name")
      .catch((caught) => caught);
    expect(error.message).toMatch(/^\[rustorage\] \[fs(?:-lite)?\] setItem/);
    expect(error.code).toBe("INVALID_KEY");
  });

  test("assets of the server are read", async () => {
    const { call } = api();
    expect(await call("assets/server", "getItem", "greeting.txt")).toBe(asset() ?? "hello\n");
    expect(await call("assets", "getKeys")).toContain("server:greeting.txt");
  });

  test("Nitro's storage is traced", async () => {
    const { heard } = await api().get("/traced");
    const call = { keys: ["data:traced"], base: "data:", driver: expect.anything() };
    expect(heard).toEqual([call]);
  });

  test("a driver that is unstorage's is found under our name", async () => {
    expect(await api().get("/borrowed")).toEqual({ "app:a": "[1]" });
  });

  test("unstorage's server is ours", async () => {
    const { call, get } = api();
    await call("data", "setItem", "served", "over HTTP");
    expect(await get("/served")).toEqual({ text: "over HTTP", etag: true });
  });

  test.each(["/cached-function", "/cached-handler", "/ruled"])(
    "%s is cached on disk for as long as it says",
    async (path) => {
      const { call, get } = api();
      // Two calls within one life.
      await vi.waitFor(
        async () => {
          const answer = await get(path);
          expect(await get(path)).toEqual(answer);
          expect(await call("cache", "getKeys")).not.toEqual([]);
        },
        { timeout: MINUTES },
      );
      const cached = await get(path);
      await vi.waitFor(async () => expect(await get(path)).not.toEqual(cached), {
        timeout: MINUTES,
      });
      await vi.waitFor(async () => expect(await call("cache", "getKeys")).toEqual([]), {
        timeout: MINUTES,
        interval: 200,
      });
    },
  );
}
