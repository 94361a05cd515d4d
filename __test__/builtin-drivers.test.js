import { builtinDriverDependencies, builtinDrivers, createStorage } from "rustorage";
import * as v2 from "unstorage";
import * as v1 from "unstorage-v1";
import { expect, test } from "vitest";

/** What unstorage has not. */
const OURS = ["lmdb", "sqlite"];

test("has every name that unstorage 1 and 2 know, those of ours, and no other", () => {
  const theirs = [v1, v2].flatMap(({ builtinDrivers: names }) => Object.keys(names));
  const names = new Set([...theirs, ...OURS]);
  expect(Object.keys(builtinDrivers).sort()).toEqual([...names].sort());
});

const CLOUDFLARE = { accountId: "a", namespaceId: "n", apiToken: "t" };

test("every native driver's module exists and makes a driver of its name", async () => {
  const native = Object.entries(builtinDrivers).filter(([, id]) => id.startsWith("rustorage/"));
  expect(native.length).toBe(24);
  for (const [, id] of native) {
    const { default: factory } = await import(id);
    const driver = factory({
      ...(id.endsWith("db0") && { database: { dialect: "sqlite", prepare() {} } }),
      ...(id.includes("/fs") && { base: ".data" }),
      ...(id.endsWith("/http") && { base: "http://localhost" }),
      ...(id.endsWith("github") && { repo: "o/n" }),
      ...(id.endsWith("cloudflare-kv-http") && CLOUDFLARE),
      ...(id.endsWith("s3") && { bucket: "b", region: "r" }),
      ...(OURS.some((name) => id.endsWith(name)) && { path: ".data/items" }),
      ...(id.endsWith("overlay") && { layers: [{ getItem: () => null }] }),
    });
    expect(`rustorage/drivers/${driver.name}`).toBe(id);
  }
});

/** The names of drivers that are unstorage's, with hyphens as their modules have them. */
const BORROWED = [
  ...new Set(Object.values(builtinDrivers).filter((id) => id.startsWith("unstorage/"))),
].map((id) => id.slice("unstorage/drivers/".length));

test.each(BORROWED)("rustorage/drivers/%s gives unstorage's driver", async (name) => {
  const [ourId, theirId] = [`rustorage/drivers/${name}`, `unstorage/drivers/${name}`];
  const ours = await import(ourId);
  expect(ours.default.name).toBe(name);
  expect(ours["module.exports"]).toBe(ours.default);
  expect(ours.DRIVER_DEPENDENCIES).toBe(builtinDriverDependencies[name]);
  const { default: theirs, DRIVER_DEPENDENCIES } = await import(theirId);
  expect(ours.DRIVER_DEPENDENCIES).toEqual(DRIVER_DEPENDENCIES);
  const options = { database: {}, base: "http://localhost", name: "n", repo: "o/r" };
  const [driver, expected] = [ours.default, theirs].map((make) => attempt(() => make(options)));
  expect(driver).toEqual(expected);
});

/** What is seen of a driver: its name and its methods, or the error of making it. */
function attempt(make) {
  try {
    const { name, ...rest } = make();
    return { name, methods: Object.keys(rest).toSorted() };
  } catch (error) {
    return { error: error.message };
  }
}

test("a driver of a browser and one of an edge work with what stands for their stores", async () => {
  const { default: localstorage } = await import("rustorage/drivers/localstorage");
  const { default: kvBinding } = await import("rustorage/drivers/cloudflare-kv-binding");
  const items = new Map();
  const binding = {
    get: (key) => items.get(key) ?? null,
    put: (key, value) => items.set(key, value),
    delete: (key) => items.delete(key),
    list: () => ({ keys: [] }),
  };
  const store = {};
  const localStorage = {
    getItem: (key) => store[key] ?? null,
    setItem: (key, value) => (store[key] = value),
  };
  const storage = createStorage()
    .mount("local", localstorage({ localStorage, base: "app" }))
    .mount("kv", kvBinding({ binding }));
  await storage.setItem("local:a", 1);
  await storage.setItem("kv:a", { b: 2 });
  expect(await storage.getItem("local:a")).toBe(1);
  expect(await storage.getItem("kv:a")).toEqual({ b: 2 });
  expect([store, [...items]]).toEqual([{ "app:a": "1" }, [["a", '{"b":2}']]]);
});

test("names what borrowed drivers need as unstorage does", () => {
  for (const [name, dependencies] of Object.entries(v2.builtinDriverDependencies)) {
    if (builtinDrivers[name].startsWith("unstorage/")) {
      expect(builtinDriverDependencies[name]).toEqual(dependencies);
    } else {
      expect(builtinDriverDependencies).not.toHaveProperty(name);
    }
  }
});
