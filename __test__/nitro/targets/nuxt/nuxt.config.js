import { devStorage, routeRules, storage } from "./storage.js";

export default defineNuxtConfig({
  compatibilityDate: "2026-01-01",
  telemetry: false,
  modules: ["rustorage/nuxt"],
  nitro: { storage, devStorage, routeRules, tracingChannel: { unstorage: true } },
});
