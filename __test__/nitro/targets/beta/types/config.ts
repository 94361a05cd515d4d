import { defineConfig } from "nitro";
import rustorage, { withNativeStorage } from "rustorage/nitro";

export { useStorage } from "nitro/storage";

const storage = { recent: { driver: "lru-cache", max: 3 } } as const;
defineConfig({ modules: ["rustorage/nitro"], storage, rustorage: { defaultMounts: false } });
defineConfig({ modules: [rustorage] });
defineConfig(
  withNativeStorage({ serverDir: "server", storage, rustorage: { defaultMounts: false } }),
);
// @ts-expect-error There is no such option.
defineConfig({ rustorage: { mounts: false } });
