/** The Nuxt module: the Nitro module, its options, and mounts that need no client, brought into Nuxt's Nitro. */
import { withNativeStorage } from "./index.js";

export default function rustorage(options, nuxt) {
  // As Nuxt has it for modules: beside the module, or under its name in the config, where false turns it off.
  const { rustorage: named } = nuxt.options;
  if (named === false) return;
  // When all modules had their say about the mounts, and before Nitro reads them.
  nuxt.hook("nitro:config", (config) => {
    const given = { ...config.rustorage, ...named, ...options };
    Object.assign(config, withNativeStorage(config), { rustorage: given });
  });
}
rustorage.getMeta = async () => ({ name: "rustorage", configKey: "rustorage" });
