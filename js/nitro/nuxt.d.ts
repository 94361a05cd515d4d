/** The Nuxt module: with `modules: ["rustorage/nuxt"]`, `useStorage()`, the cache and every mount run on rustorage. */
declare const module: {
  (options: unknown, nuxt: { hook(name: any, listener: (config: any) => void): void }): void;
  getMeta(): { name: string };
};
export default module;
