import { defineNitroConfig } from "nitropack/config";
import { devStorage, routeRules, storage } from "./storage.js";

export default defineNitroConfig({
  compatibilityDate: "2026-01-01",
  srcDir: "server",
  modules: ["rustorage/nitro"],
  storage,
  devStorage,
  routeRules,
  tracingChannel: true,
});
