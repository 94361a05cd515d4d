import { defineNuxtConfig } from "nuxt/config";
import rustorage from "rustorage/nuxt";

export { useStorage } from "nitropack/runtime";

defineNuxtConfig({ modules: ["rustorage/nuxt"] });
defineNuxtConfig({ modules: [rustorage, [rustorage, {}]] });
