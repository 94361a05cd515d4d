/** lru-cache against the npm package of that name, and what the options say. */
import { createStorage } from "rustorage";
import lruCache from "rustorage/drivers/lru-cache";
import fc from "fast-check";
import { LRUCache } from "lru-cache";
import { afterEach, expect, test } from "vitest";
import { native } from "../../js/native.js";

afterEach(() => native.setClock(-1));

const key = fc.constantFrom("a", "b", "c", "d", "e", "f");
const step = fc.oneof(
  fc.tuple(fc.constant("set"), key, fc.nat(9)),
  fc.tuple(fc.constantFrom("get", "has", "delete"), key),
  fc.tuple(fc.constant("clear")),
  fc.tuple(fc.constant("pass"), fc.constantFrom(1, 5, 10)),
);
const options = fc.record(
  {
    max: fc.constantFrom(1, 3, 4),
    ttl: fc.constantFrom(0, 10),
    updateAgeOnGet: fc.boolean(),
    updateAgeOnHas: fc.boolean(),
  },
  { requiredKeys: ["max"] },
);

test("behaves like the package, dispose included", () => {
  fc.assert(
    fc.property(options, fc.array(step, { maxLength: 40 }), (settings, steps) => {
      let now = 1;
      native.setClock(now);
      const heard = { ours: [], theirs: [] };
      // What ours drops when it expires, the package drops when it is asked: the reasons are compared without expiry.
      const note = (list) => (value, name, reason) =>
        reason !== "expire" && list.push(`${name} ${value} ${reason}`);
      const ours = lruCache({ ...settings, dispose: note(heard.ours) });
      const theirs = new LRUCache({
        ...settings,
        ttlResolution: 0,
        ttlAutopurge: false,
        perf: { now: () => now },
        dispose: note(heard.theirs),
      });
      for (const [operation, name, value] of steps) {
        theirs.purgeStale();
        switch (operation) {
          case "set":
            // As unstorage stores it, and never the same text twice: the package keeps silent then.
            ours.setItem(name, `${value} ${now}`);
            theirs.set(name, `${value} ${now}`);
            break;
          case "get":
            expect(ours.getItem(name)).toBe(theirs.get(name) ?? null);
            break;
          case "has":
            expect(ours.hasItem(name)).toBe(theirs.has(name));
            break;
          case "delete":
            ours.removeItem(name);
            theirs.delete(name);
            break;
          case "clear":
            ours.clear();
            theirs.clear();
            heard.ours.splice(0);
            heard.theirs.splice(0);
            break;
          case "pass":
            now += name;
            native.setClock(now);
            break;
        }
        now++;
        native.setClock(now);
        theirs.purgeStale();
        expect(ours.getKeys()).toEqual([...theirs.keys()]);
      }
      expect(heard.ours).toEqual(heard.theirs);
    }),
    { numRuns: 500 },
  );
});

test("sizes count where they are limited", async () => {
  const storage = createStorage({
    driver: lruCache({ maxSize: 10, sizeCalculation: (v) => v.length }),
  });
  await storage.setItem("a", "12345");
  await storage.setItem("b", "12345");
  await storage.setItem("c", "1");
  expect(await storage.getKeys()).toEqual(["c", "b"]);
  // Larger than everything may be: nothing is kept under the key.
  await storage.setItem("b", "12345678901");
  expect(await storage.getKeys()).toEqual(["c"]);
});

test.each([{ ttl: -1 }, { max: 0 }, { max: 0, maxEntrySize: 5 }, { max: -1 }, { max: 1.5 }])(
  "refuses %o, as the package does",
  (options) => {
    expect(() => new LRUCache({ ...options, sizeCalculation: () => 1 })).toThrow();
    expect(() => lruCache(options)).toThrow(
      expect.objectContaining({ code: "INVALID_OPTIONS", driver: "lru-cache" }),
    );
  },
);

test("maxEntrySize refuses a single item", async () => {
  const gone = [];
  const storage = createStorage({
    driver: lruCache({
      maxSize: 100,
      maxEntrySize: 6,
      dispose: (value, name, reason) => gone.push([value, name, reason]),
    }),
  });
  await storage.setItem("a", "12345");
  await storage.setItem("a", "123456");
  expect(await storage.hasItem("a")).toBe(false);
  expect(gone).toEqual([["12345", "a", "set"]]);
});

test("sizeCalculation and dispose see what unstorage's driver would give them", async () => {
  const seen = [];
  const driver = lruCache({
    maxSize: 100,
    sizeCalculation(value, name) {
      seen.push(["size", value, name]);
      return 1;
    },
    dispose: (value, name, reason) => seen.push([reason, value, name]),
  });
  const storage = createStorage().mount("cache", driver);
  const raw = { any: "value" };
  await storage.setItem("cache/a", { b: 1 });
  await storage.setItemRaw("cache:c", raw);
  await storage.removeItem("cache:c");
  expect(seen).toEqual([
    ["size", '{"b":1}', "a"],
    ["size", raw, "c"],
    ["delete", raw, "c"],
  ]);
  expect(seen[2][1]).toBe(raw);
});

test.each(["Get", "Has"])(
  "updateAgeOn%s renews an item's own life, or the driver's",
  async (on) => {
    native.setClock(0);
    const driver = lruCache({ ttl: 1000, [`updateAgeOn${on}`]: true });
    const storage = createStorage({ driver });
    await storage.setItem("own", 1, { ttl: 60 });
    await storage.setItem("common", 1);
    await storage.setItem("forgotten", 1);
    const ask = on === "Get" ? storage.getItem : storage.hasItem;
    for (const now of [900, 1800, 2700]) {
      native.setClock(now);
      for (const key of ["own", "common"]) await ask(key);
    }
    expect((await storage.getKeys()).sort()).toEqual(["common", "own"]);
    native.setClock(2700 + 59_999);
    expect(await storage.getKeys()).toEqual(["own"]);
    native.setClock(2700 + 60_000);
    expect(await storage.getKeys()).toEqual([]);
  },
);

test("allowStale gives an expired item one last time", async () => {
  native.setClock(0);
  const storage = createStorage({ driver: lruCache({ ttl: 10, allowStale: true }) });
  await storage.setItem("a", "kept");
  native.setClock(100);
  native.sweep();
  expect(await storage.getItem("a")).toBe("kept");
  expect(await storage.getItem("a")).toBe(null);
});

test("what dispose throws rejects the call, and every other value still leaves", async () => {
  let thrown = 0;
  const storage = createStorage({
    driver: lruCache({
      dispose() {
        thrown++;
        throw new Error("mine");
      },
    }),
  });
  await storage.setItem("a", 1);
  await storage.setItem("b", 2);
  await expect(storage.clear()).rejects.toThrow("mine");
  expect(thrown).toBe(2);
  expect(await storage.getKeys()).toEqual([]);
});
