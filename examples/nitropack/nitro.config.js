import { defineNitroConfig } from "nitropack/config";

export default defineNitroConfig({
  compatibilityDate: "2026-01-01",
  srcDir: "server",
  modules: ["rustorage/nitro"],
  storage: {
    cache: { driver: "fs", base: ".data/cache" },
  },
});
