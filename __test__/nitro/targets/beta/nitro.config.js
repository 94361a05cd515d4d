import { defineConfig } from "nitro";
import { withNativeStorage } from "rustorage/nitro";
import { devStorage, routeRules, storage } from "./storage.js";

export default defineConfig(
  withNativeStorage({
    serverDir: "server",
    buildDir: process.env.BUILD_DIR,
    storage,
    devStorage,
    routeRules,
    tracingChannel: { unstorage: true },
  }),
);
