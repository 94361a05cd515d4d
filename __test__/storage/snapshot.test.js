/** snapshot and restoreSnapshot. */
import { createStorage, restoreSnapshot, snapshot } from "rustorage";
import { describe, expect, test, vi } from "vitest";
import { mapDriver } from "../conformance/map-driver.js";

describe("snapshot and restoreSnapshot", () => {
  test("take and give what is under a base", async () => {
    const storage = createStorage().mount("a:js", mapDriver());
    await storage.setItem("a:b", { c: 1 });
    await storage.setItem("a:js:d", "text");
    await storage.setItem("e", 1);
    const taken = await snapshot(storage, "a");
    expect(taken).toEqual({ b: { c: 1 }, "js:d": "text" });
    const other = createStorage();
    await restoreSnapshot(other, taken, "x/y");
    expect(await snapshot(other, "")).toEqual({ "x:y:b": { c: 1 }, "x:y:js:d": "text" });
  });

  test("go through getItem and setItem", async () => {
    const storage = createStorage();
    await storage.setItem("a", 1);
    const getItem = vi.spyOn(storage, "getItem");
    const setItem = vi.spyOn(storage, "setItem");
    await restoreSnapshot(storage, await snapshot(storage, ""));
    expect(getItem).toHaveBeenCalledTimes(1);
    expect(setItem.mock.calls.map((args) => args.slice(0, 2))).toEqual([["a", 1]]);
  });
});
