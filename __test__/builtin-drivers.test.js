import { builtinDriverDependencies, builtinDrivers } from "rustorage";
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

test("every native driver's module exists and makes a driver of its name", async () => {
  const native = Object.entries(builtinDrivers).filter(([, id]) => id.startsWith("rustorage/"));
  expect(native.length).toBe(13);
  for (const [, id] of native) {
    const { default: factory } = await import(id);
    const driver = factory({
      ...(id.includes("/fs") && { base: ".data" }),
      ...(id.endsWith("http") && { base: "http://localhost" }),
      ...(id.endsWith("s3") && { bucket: "b", region: "r" }),
      ...(OURS.some((name) => id.endsWith(name)) && { path: ".data/items" }),
      ...(id.endsWith("overlay") && { layers: [{ getItem: () => null }] }),
    });
    expect(`rustorage/drivers/${driver.name}`).toBe(id);
  }
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
