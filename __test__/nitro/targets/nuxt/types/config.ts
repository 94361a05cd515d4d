import type {} from "../.nuxt/types/modules.js";
import { defineNuxtConfig } from "nuxt/config";
import rustorage from "rustorage/nuxt";

export { useStorage } from "nitropack/runtime";

defineNuxtConfig({ modules: ["rustorage/nuxt"] });
defineNuxtConfig({ modules: [rustorage, [rustorage, {}]] });
defineNuxtConfig({ modules: [["rustorage/nuxt", { data: "sqlite" }]] });
defineNuxtConfig({ modules: ["rustorage/nuxt"], rustorage: { data: "lmdb" } });
// @ts-expect-error No such database.
defineNuxtConfig({ modules: ["rustorage/nuxt"], rustorage: { data: "oracle" } });
defineNuxtConfig({ modules: ["rustorage/nuxt"], rustorage: false });
