/** Who hears of a change, and whose drivers watch by themselves. */
import { createStorage } from "rustorage";
import memory from "rustorage/drivers/memory";
import { describe, expect, test, vi } from "vitest";
import { mapDriver } from "../conformance/map-driver.js";
import { recorded } from "../events.js";

/** A JavaScript driver that watches by itself, `report` being its own voice. */
function watchingDriver() {
  const stop = vi.fn();
  const driver = {
    ...mapDriver(),
    watch: vi.fn((callback) => {
      driver.report = callback;
      return stop;
    }),
    stop,
  };
  return driver;
}

describe("watch", () => {
  test("starts every mount with the first watcher and stops all with the last", async () => {
    const driver = watchingDriver();
    const storage = createStorage().mount("own", driver);
    expect(driver.watch).not.toHaveBeenCalled();
    const first = await recorded(storage);
    const second = await recorded(storage);
    expect(driver.watch).toHaveBeenCalledTimes(1);
    driver.report("update", "a/b");
    expect(first.events).toEqual(["update own:a:b"]);
    expect(second.events).toEqual(["update own:a:b"]);
    await first.unwatch();
    expect(driver.stop).not.toHaveBeenCalled();
    await second.unwatch();
    expect(driver.stop).toHaveBeenCalledTimes(1);
    driver.report("update", "late");
    expect(second.events).toHaveLength(1);
  });

  test("the storage is silent where the driver watches by itself", async () => {
    const storage = createStorage({ driver: watchingDriver() });
    const { events } = await recorded(storage);
    await storage.setItem("a", 1);
    await storage.setItemRaw("a", "raw");
    await storage.setItems([{ key: "a", value: 1 }]);
    await storage.removeItem("a");
    await storage.clear();
    expect(events).toEqual([]);
  });

  test("reaches mounts that come later and leaves those that go", async () => {
    const driver = watchingDriver();
    const storage = createStorage();
    const { events } = await recorded(storage);
    storage.mount("own", driver).mount("plain", memory());
    await vi.waitFor(() => expect(driver.watch).toHaveBeenCalledTimes(1));
    driver.report("remove", "a");
    await storage.setItem("plain:b", 1);
    expect(events).toEqual(["remove own:a", "update plain:b"]);
    await storage.unmount("own");
    await vi.waitFor(() => expect(driver.stop).toHaveBeenCalledTimes(1));
  });

  test("unwatch ends all and watching can begin again", async () => {
    const driver = watchingDriver();
    const storage = createStorage({ driver });
    const before = await recorded(storage);
    await storage.unwatch();
    await storage.unwatch();
    expect(driver.stop).toHaveBeenCalledTimes(1);
    const after = await recorded(storage);
    driver.report("update", "a");
    expect(before.events).toEqual([]);
    expect(after.events).toEqual(["update a"]);
  });
});
