/** The Nuxt module: with `modules: ["rustorage/nuxt"]`, `useStorage()`, the cache and every mount run on rustorage. */
declare const module: {
  (this: void, options: any, nuxt: any): void;
  getMeta(): Promise<{ name: string }>;
};
export default module;
