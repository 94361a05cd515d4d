/** What a Nitro module is to Nitro 2 and 3, without a dependency on either. */
export interface NitroModule {
  name: string;
  setup(nitro: any): void;
}

/** What stands under `rustorage` in a Nitro config. */
export interface RustorageOptions {
  /**
   * Whether Nitro 3 (beta) gets the mounts that its documentation promises and Nitro 2 has by itself: `data`, and in development
   * `root`, `src`, `build` and `cache` too. Default: true.
   */
  defaultMounts?: boolean;
  /**
   * What the mount `data` is kept in, unless the config has it under `storage`: files in `.data/kv` (the default), or a database beside that, `.data/kv.lmdb`
   * or `.data/kv.sqlite`.
   */
  data?: "fs" | "lmdb" | "sqlite";
}

// Nitro 2's config and Nitro 3's, of which an app has one.
// @ts-ignore
declare module "nitropack/types" {
  interface NitroOptions {
    rustorage?: RustorageOptions;
    /** As in Nitro 3: whether the storage publishes its calls on diagnostics channels (docs/tracing.md). */
    tracingChannel?: boolean | { unstorage?: boolean };
  }
}
// @ts-ignore
declare module "nitro/types" {
  interface NitroOptions {
    rustorage?: RustorageOptions;
  }
}

/** What `withNativeStorage` looks at in a Nitro config. */
export interface StorageConfig {
  storage?: Record<string, any>;
  devStorage?: Record<string, any>;
  modules?: any[];
}

/**
 * The Nitro module: with `modules: ["rustorage/nitro"]`, `useStorage()`, the cache and every mount run on rustorage.
 */
declare const module: NitroModule;
export default module;

/**
 * The config with the module added, for mounts whose drivers need a client in unstorage and none here: Nitro asks for the client
 * before modules run, and so hears of these mounts under another name.
 */
export declare function withNativeStorage<Config extends StorageConfig>(
  config?: Config & { rustorage?: RustorageOptions },
): Config;
