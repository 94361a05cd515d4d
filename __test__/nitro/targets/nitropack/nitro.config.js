import { defineNitroConfig } from "nitropack/config";
import { devStorage, routeRules, storage } from "./storage.js";

// Nitro makes unstorage's driver of it while it builds: only withNativeStorage would keep variables from that.
const recent = { ...storage.recent, max: 2 };

export default defineNitroConfig({
  compatibilityDate: "2026-01-01",
  srcDir: "server",
  modules: ["rustorage/nitro"],
  buildDir: process.env.BUILD_DIR,
  storage: { ...storage, recent },
  devStorage,
  routeRules,
  tracingChannel: true,
});
