/** The Nuxt module: the Nitro module, and mounts that need no client, brought into Nuxt's Nitro. */
import { withNativeStorage } from "./index.js";

export default function rustorage(_options, nuxt) {
  // When all modules had their say about the mounts, and before Nitro reads them.
  nuxt.hook("nitro:config", (config) => {
    Object.assign(config, withNativeStorage(config));
  });
}
rustorage.getMeta = async () => ({ name: "rustorage" });
