import { defineConfig } from "nitro";
import { withNativeStorage } from "rustorage/nitro";

export default defineConfig(
  withNativeStorage({
    serverDir: "server",
    noExternals: true,
    storage: { recent: { driver: "lru-cache", max: 2 } },
  }),
);
