import { defineConfig } from "nitro";
import { withNativeStorage } from "rustorage/nitro";

export default defineConfig(
  withNativeStorage({
    serverDir: "server",
    preset: "cloudflare-module",
    compatibilityDate: "2026-01-01",
    storage: { recent: { driver: "lru-cache", max: 2 } },
  }),
);
