import { defineConfig } from "nitro";

export default defineConfig({
  serverDir: "server",
  modules: ["rustorage/nitro"],
  storage: {
    data: { driver: "fs", base: ".data/kv" },
  },
});
