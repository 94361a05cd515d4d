import { defineHandler } from "nitro";
import { useStorage } from "nitro/storage";
import { isNative, useStorage as ownStorage } from "rustorage";

/** The mounts, whether each runs in Rust, and whether Nitro and rustorage share one storage. */
export default defineHandler(() => ({
  mounts: useStorage()
    .getMounts()
    .map(({ base, driver }) => ({ base, driver: driver.name, native: isNative(driver) })),
  shared: ownStorage() === useStorage(),
}));
