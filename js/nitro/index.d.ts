/**
 * The Nitro module: with `modules: ["rustorage/nitro"]`, `useStorage()`, the cache and every mount run on rustorage.
 */
declare const module: { name: string; setup(nitro: any): void };
export default module;
