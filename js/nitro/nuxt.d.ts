import type { RustorageOptions } from "./index.js";

/** The Nuxt module: with `modules: ["rustorage/nuxt"]`, `useStorage()`, the cache and every mount run on rustorage. */
declare const module: {
  (this: void, options: RustorageOptions, nuxt: any): void;
  getMeta(): Promise<{ name: string; configKey: string }>;
};
export default module;
