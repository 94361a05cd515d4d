import { isNative, useStorage as ownStorage } from "rustorage";
import { route, useStorage } from "../target.js";

/** The mounts, whether each runs in Rust, and whether Nitro and rustorage share one storage. */
export default route(() => ({
  mounts: useStorage()
    .getMounts()
    .map(({ base, driver }) => ({ base, driver: driver.name, native: isNative(driver) })),
  shared: ownStorage() === useStorage(),
}));
