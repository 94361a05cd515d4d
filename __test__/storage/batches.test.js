/** getItems and setItems. */
import { createStorage } from "rustorage";
import nullDriver from "rustorage/drivers/null";
import { describe, expect, test, vi } from "vitest";
import { mapDriver } from "../conformance/map-driver.js";
import { recorded } from "../events.js";

describe("getItems", () => {
  test("comes in input order over several mounts", async () => {
    const storage = createStorage().mount("js", mapDriver()).mount("none", nullDriver());
    await storage.setItems([
      { key: "js:a", value: 1 },
      { key: "b", value: 2 },
      { key: "js:c", value: 3 },
    ]);
    const items = ["js:c", { key: "b?query" }, "js:a", "none:x", "b"];
    expect(await storage.getItems(items)).toEqual([
      { key: "js:c", value: 3 },
      { key: "b", value: 2 },
      { key: "js:a", value: 1 },
      { key: "b", value: 2 },
    ]);
  });

  test("asks a driver that has getItems once a mount", async () => {
    const getItems = vi.fn((items) => items.map(({ key }) => ({ key, value: `"${key}"` })));
    const storage = createStorage().mount("js", { ...mapDriver(), getItems });
    await storage.setItem("b", 1);
    const items = ["js:a", "b", { key: "js:c", options: { own: true } }];
    expect(await storage.getItems(items, { common: true })).toEqual([
      { key: "js:a", value: "a" },
      { key: "b", value: 1 },
      { key: "js:c", value: "c" },
    ]);
    expect(getItems.mock.calls).toEqual([
      [
        [
          { key: "a", options: { common: true } },
          { key: "c", options: { common: true, own: true } },
        ],
        { common: true },
      ],
    ]);
  });

  test("a driver's getItems may leave keys out", async () => {
    const getItems = () => [{ key: "b", value: "2" }];
    const storage = createStorage({ driver: { ...mapDriver(), getItems } });
    expect(await storage.getItems(["a", "b"])).toEqual([{ key: "b", value: 2 }]);
  });

  test.each([undefined, null, "text", { a: 1 }])(
    "a driver's getItems that gives %o is named",
    (given) => {
      const driver = { ...mapDriver(), name: "odd", getItems: async () => given };
      return expect(createStorage({ driver }).getItems(["a"])).rejects.toThrow(
        "[rustorage] [odd] getItems: the driver's getItems gave no array",
      );
    },
  );
});

describe("setItems", () => {
  test("a batch over several mounts comes before the calls that are made after it", async () => {
    const storage = createStorage({ driver: mapDriver() }).mount("m", mapDriver());
    const keys = ["a", "m:a"];
    const written = storage.setItems(keys.map((key) => ({ key, value: key })));
    const read = Promise.all(keys.map((key) => storage.getItem(key)));
    await written;
    expect(await read).toEqual(keys);
  });

  test("uses the driver's setItems once a mount", async () => {
    const setItems = vi.fn();
    const storage = createStorage().mount("js", { ...mapDriver(), setItems });
    const { events } = await recorded(storage);
    const items = [
      { key: "js:a", value: { a: 1 } },
      { key: "b", value: 2 },
      { key: "js:c", value: 3, options: { own: true } },
    ];
    await storage.setItems(items, { common: true });
    expect(setItems.mock.calls).toEqual([
      [
        [
          { key: "a", value: '{"a":1}', options: { common: true } },
          { key: "c", value: "3", options: { common: true, own: true } },
        ],
        { common: true },
      ],
    ]);
    expect(await storage.getItem("b")).toBe(2);
    expect(events.sort()).toEqual(["update b", "update js:a", "update js:c"]);
  });

  test("stores undefined", async () => {
    const storage = createStorage().mount("js", mapDriver());
    await storage.setItems([
      { key: "a", value: undefined },
      { key: "js:a", value: undefined },
    ]);
    for (const key of ["a", "js:a"]) {
      expect(await storage.hasItem(key)).toBe(true);
      expect(await storage.getItem(key)).toBe(undefined);
      expect(await storage.getItem(key, { type: "text" })).toBe("undefined");
    }
  });
});
