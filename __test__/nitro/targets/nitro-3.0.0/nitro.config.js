import { defineNitroConfig } from "nitro/config";
import { withNativeStorage } from "rustorage/nitro";
import { devStorage, routeRules, storage } from "./storage.js";

export default defineNitroConfig(
  withNativeStorage({
    compatibilityDate: "2026-01-01",
    srcDir: "server",
    storage,
    devStorage,
    routeRules,
    tracingChannel: true,
  }),
);
