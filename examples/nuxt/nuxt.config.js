export default defineNuxtConfig({
  compatibilityDate: "2026-01-01",
  modules: ["rustorage/nuxt"],
  nitro: {
    storage: {
      visits: { driver: "fs", base: ".data/visits" },
    },
  },
});
