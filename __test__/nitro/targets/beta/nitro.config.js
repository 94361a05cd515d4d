import { defineConfig } from "nitro";
import { withNativeStorage } from "rustorage/nitro";
import { devStorage, routeRules, storage } from "./storage.js";

export default defineConfig(
  withNativeStorage({
    serverDir: "server",
    storage,
    devStorage,
    routeRules,
    tracingChannel: { unstorage: true },
  }),
);
