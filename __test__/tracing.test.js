/** What `withTracing` publishes, beside what unstorage's does, and that no secret is in it. */
import { createStorage, prefixStorage } from "rustorage";
import fs from "rustorage/drivers/fs";
import memory from "rustorage/drivers/memory";
import overlay from "rustorage/drivers/overlay";
import { withTracing } from "rustorage/tracing";
import { AsyncLocalStorage } from "node:async_hooks";
import { tracingChannel } from "node:diagnostics_channel";
import { tmpdir } from "node:os";
import * as unstorage from "unstorage";
import memoryV2 from "unstorage/drivers/memory";
import { withTracing as withTheirTracing } from "unstorage/tracing";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { OPTION_TYPES, SECRET_OPTIONS } from "../js/option-types.js";
import { redactedOptions } from "../js/redacted-options.js";
import { mapDriver } from "./conformance/map-driver.js";

const CHANNELS = [
  "hasItem",
  "getItem",
  "getItems",
  "getItemRaw",
  "getMeta",
  "setItem",
  "setItems",
  "setItemRaw",
  "removeItem",
  "getKeys",
  "clear",
];

const STAGES = ["start", "end", "asyncStart", "asyncEnd", "error"];

/** Listens to all channels, as long as the test runs; gives what is heard. */
function listening(channels = CHANNELS) {
  const heard = [];
  for (const name of channels) {
    const channel = tracingChannel(`unstorage.${name}`);
    const handlers = Object.fromEntries(
      // What is published is filled in later.
      STAGES.map((stage) => [stage, (context) => heard.push({ stage, name, ...context })]),
    );
    channel.subscribe(handlers);
    onTestFinished(() => channel.unsubscribe(handlers));
  }
  return heard;
}

const CALLS = [
  ["setItem", "a:b", { c: 1 }],
  ["setItem", "/a\\d?query", "text", { ttl: 60 }],
  ["set", "e", 1],
  ["setItemRaw", "raw", "bytes"],
  [
    "setItems",
    [
      { key: "f/g", value: 1 },
      { key: "h", value: 2 },
    ],
  ],
  ["setItems", []],
  ["getItem", "a:b"],
  ["getItem", "none"],
  ["get", "a/d"],
  ["getItem", "a:b$"],
  ["getItem", "mount:x"],
  ["getItem", "mount:inner:x"],
  ["getItems", ["a:b", { key: "f:g" }, "mount:x"]],
  ["getItemRaw", "raw"],
  ["hasItem", "a:b"],
  ["has", "none"],
  ["setMeta", "a:b", { owner: "ada" }],
  ["getMeta", "a:b"],
  ["getMeta", "a:b", { nativeOnly: true }],
  ["removeMeta", "a:b"],
  ["getKeys"],
  ["getKeys", "a"],
  ["keys", "mount/inner/"],
  ["removeItem", "a:b"],
  ["removeItem", "f:g$"],
  ["del", "h"],
  ["remove", "none"],
  ["clear", "mount"],
  ["clear"],
  ["getItem", "fails:x"],
  ["setItem", "fails:x", 1],
  ["setItem", "a", new Map()],
];

function failing() {
  const fails = () => {
    throw new Error("no such thing");
  };
  return { ...mapDriver(), getItem: fails, setItem: fails };
}

function mounted(storage, driver) {
  storage.mount("mount", driver());
  storage.mount("mount:inner", driver());
  storage.mount("fails", failing());
  return storage;
}

/** What a storage publishes of the calls, one after another. */
async function published(storage) {
  const heard = listening();
  for (const [method, ...args] of CALLS) {
    await storage[method](...args).catch(() => {});
  }
  return heard.map(({ error, driver, ...event }) => ({
    ...event,
    // unstorage's memory has no options.
    driver: driver && { ...driver, options: driver.options ?? {} },
    error: error?.message,
  }));
}

test("the same is published as by unstorage", async () => {
  const expected = await published(
    withTheirTracing(mounted(unstorage.createStorage({ driver: memoryV2() }), memoryV2)),
  );
  const ours = await published(withTracing(mounted(createStorage(), memory)));
  expect(ours).toEqual(expected);
  expect(ours.length).toBeGreaterThan(4 * CALLS.length);
});

test("unstorage's storages can be traced by ours, and ours by unstorage's", async () => {
  const theirs = withTracing(mounted(unstorage.createStorage({ driver: memoryV2() }), memoryV2));
  const ours = withTheirTracing(mounted(createStorage(), memory));
  expect(await published(theirs)).toEqual(await published(ours));
});

test("what is traced is not traced again, by either", async () => {
  const storage = createStorage();
  const traced = withTracing(storage);
  expect(withTracing(traced)).toBe(traced);
  expect(withTheirTracing(traced)).toBe(traced);
  expect(withTracing(withTheirTracing(storage)).__traced).toBe(true);
  const heard = listening();
  await withTracing(withTracing(storage)).getItem("a");
  expect(heard.filter(({ stage }) => stage === "start")).toHaveLength(1);
});

test.each([[undefined], [null], [{}], [memory]])("%o cannot be traced", (storage) => {
  expect(() => withTracing(storage)).toThrow(
    expect.objectContaining({ code: "INVALID_OPTIONS", operation: "withTracing" }),
  );
});

test("mount gives the traced storage, and views are traced", async () => {
  const traced = withTracing(createStorage()).mount("m", memory());
  const heard = listening();
  await prefixStorage(traced, "m").setItem("a", 1);
  expect(heard[0]).toMatchObject({ stage: "start", name: "setItem", keys: ["m:a"], base: "m:" });
});

test("a storage that is not wrapped publishes nothing", async () => {
  const storage = createStorage();
  withTracing(storage);
  const heard = listening();
  await storage.setItem("a", 1);
  expect(heard).toEqual([]);
});

describe("where nobody listens", () => {
  test("the storage's own methods are called, late, with what was given", async () => {
    const storage = createStorage();
    const traced = withTracing(storage);
    for (const [method, ...args] of CALLS.slice(0, 20)) await traced[method](...args);
    const getItem = vi.spyOn(storage, "getItem");
    const getMount = vi.spyOn(storage, "getMount");
    await traced.getItem("a", { type: "text" });
    expect(getItem).toHaveBeenCalledWith("a", { type: "text" });
    expect(getMount).not.toHaveBeenCalled();
  });

  test.each(STAGES)("one who listens to %s alone is heard", async (stage) => {
    const traced = withTracing(createStorage().mount("fails", failing()));
    const channel = tracingChannel("unstorage.getItem")[stage];
    const listener = vi.fn();
    channel.subscribe(listener);
    await traced.getItem("fails:x").catch(() => {});
    channel.unsubscribe(listener);
    await traced.getItem("fails:x").catch(() => {});
    expect(listener).toHaveBeenCalledTimes(1);
  });
});

test("a span's context holds through the call and after it", async () => {
  const spans = new AsyncLocalStorage();
  const { start } = tracingChannel("unstorage.getItem");
  start.bindStore(spans, ({ keys }) => keys[0]);
  onTestFinished(() => start.unbindStore(spans));
  const seen = [];
  const driver = { ...mapDriver(), getItem: async () => void seen.push(spans.getStore()) };
  const traced = withTracing(createStorage({ driver }));
  await spans.run("outside", async () => {
    await Promise.all([traced.getItem("a"), traced.getItem("b")]);
    seen.push(spans.getStore());
  });
  expect(seen).toEqual(["a", "b", "outside"]);
});

test.each([[5], [Symbol("s")], [{}], [null], [[null, 5]], ["a:..:b"], [""]])(
  "what is no key, as %o, is refused as without tracing",
  async (key) => {
    const storage = createStorage();
    const plain = await storage.getItem(key).then(String, String);
    listening();
    expect(await withTracing(storage).getItem(key).then(String, String)).toBe(plain);
  },
);

describe("options", () => {
  async function optionsOf(driver) {
    const storage = withTracing(createStorage({ driver }));
    const heard = listening(["clear"]);
    await storage.clear("a").catch(() => {});
    return heard[0].driver.options;
  }

  test("of native drivers are shown, but for secrets", async () => {
    expect(await optionsOf(fs({ base: tmpdir(), readOnly: true, ignore: ["a"] }))).toEqual({
      base: tmpdir(),
      readOnly: true,
      ignore: ["a"],
    });
    const options = {
      host: "127.0.0.1",
      port: 1,
      username: "ada",
      password: "s3cret",
      url: "redis://ada:s3cret@127.0.0.1:1",
      tls: { key: "s3cret", rejectUnauthorized: false },
      cluster: ["redis://ada:s3cret@127.0.0.1:1/0", { host: "127.0.0.1", port: 2 }],
      commandTimeout: 100,
      maxRetriesPerRequest: 0,
      retryStrategy: () => "s3cret",
    };
    expect(redactedOptions({ name: "redis", options })).toEqual({
      host: "127.0.0.1",
      port: 1,
      username: "ada",
      password: "[redacted]",
      url: "[redacted]",
      tls: "[redacted]",
      cluster: ["redis://[redacted]@127.0.0.1:1/0", { host: "127.0.0.1", port: 2 }],
      commandTimeout: 100,
      maxRetriesPerRequest: 0,
      retryStrategy: "[redacted]",
    });
  });

  test("of other drivers are numbers and booleans alone", async () => {
    const options = {
      connectionString: "s3cret",
      nested: { s3cret: "s3cret" },
      list: ["s3cret"],
      connect: () => "s3cret",
      ttl: 60,
      readOnly: true,
      none: null,
    };
    const shown = await optionsOf({ ...mapDriver(), options });
    expect(JSON.stringify(shown)).not.toContain("s3cret");
    expect(shown).toMatchObject({ ttl: 60, readOnly: true, none: null });
    // The name of a native driver makes nothing of it known.
    const named = { ...mapDriver(), name: "redis", options: { token: "s3cret", host: "h" } };
    expect(await optionsOf(named)).toEqual({ token: "[redacted]", host: "h" });
    expect(await optionsOf(overlay({ layers: [named] }))).toEqual({ layers: "[redacted]" });
    expect(await optionsOf({ ...mapDriver(), options: "s3cret" })).toEqual({});
    expect(await optionsOf({ ...mapDriver(), options: undefined })).toBe(undefined);
  });

  test("that sound like secrets are marked as such in Rust", () => {
    const secret =
      /pass|secret|token|auth|credential|signature|connectionString|(?:account|sas|api|access|user|service)Key\b|sas|^url$|headers/i;
    for (const [driver, types] of Object.entries(OPTION_TYPES)) {
      const sounding = Object.entries(types).filter(
        ([option, type]) => secret.test(option) && type !== "boolean" && type !== "unsigned",
      );
      expect(SECRET_OPTIONS[driver] ?? []).toEqual(
        expect.arrayContaining(sounding.map(([option]) => option)),
      );
    }
    expect(SECRET_OPTIONS.redis).toContain("password");
  });
});

test("setMeta and removeMeta are heard of when detached, too", async () => {
  const heard = listening();
  const { setMeta, removeMeta } = withTracing(createStorage());
  await setMeta("a", { owner: "ada" });
  await removeMeta("a");
  const begun = heard.filter(({ stage }) => stage === "start");
  expect(begun.map(({ name, keys, meta }) => [name, keys, meta])).toEqual([
    ["setItem", ["a$"], true],
    ["removeItem", ["a$"], true],
  ]);
});
