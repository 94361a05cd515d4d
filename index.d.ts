import type { Db0Options } from "./js/drivers/db0.js";
import type { CloudflareKvHttpOptions } from "./js/drivers/cloudflare-kv-http.js";
import type { FsLiteOptions } from "./js/drivers/fs-lite.js";
import type { FsOptions } from "./js/drivers/fs.js";
import type { GithubOptions } from "./js/drivers/github.js";
import type { HttpOptions } from "./js/drivers/http.js";
import type { LmdbOptions } from "./js/drivers/lmdb.js";
import type { LruCacheOptions } from "./js/drivers/lru-cache.js";
import type { MemoryOptions } from "./js/drivers/memory.js";
import type { OverlayOptions } from "./js/drivers/overlay.js";
import type { RedisOptions } from "./js/drivers/redis.js";
import type { S3Options } from "./js/drivers/s3.js";
import type { SqliteOptions } from "./js/drivers/sqlite.js";
import type { UpstashOptions } from "./js/drivers/upstash.js";
import type { VercelKvOptions } from "./js/drivers/vercel-kv.js";

/**
 * Key-value storage for JavaScript servers: the API of unstorage, with routing and drivers in Rust.
 *
 * Keys are segments joined by `:`. `/` and `\` stand for `:` as well, a `?` and what follows it is cut off. An empty key and the segments `.` and `..`
 * are invalid.
 */

/** What an item can be. An object comes back as JSON would have it. */
export type StorageValue = null | string | number | boolean | object;

export type JSONValue = null | string | number | boolean | JSONObject | JSONArray;
export interface JSONObject {
  [key: string]: JSONValue;
}
export type JSONArray = JSONValue[];

type MaybePromise<T> = T | Promise<T>;
/** Keeps `T` as it is inferred, and `any` where nothing is. */
type Given<T> = T extends any ? T : any;

/** What a call can ask beside key and value. A driver in JavaScript may understand more. */
export type TransactionOptions = Record<string, any> & {
  /**
   * For writes: the life of the item in seconds, in place of the driver's own option. 0, NaN and Infinity are no limit, a negative life is over at once. A driver that
   * cannot keep it has `flags.ttl === false`.
   */
  ttl?: number;
  /** Headers of the request, for drivers over HTTP. They go over those of the driver's options. */
  headers?: Record<string, string | undefined> | Iterable<readonly [string, string]>;
};

/** What `getItem(key, { type })` gives for each type. */
export interface GetItemTypeMap {
  text: string;
  json: JSONValue;
  bytes: Uint8Array;
  stream: ReadableStream<Uint8Array>;
  blob: Blob;
}
export type GetItemType = keyof GetItemTypeMap;

/** `type` says what becomes of the stored value; without it a text is read as JSON where it is JSON. */
export type GetItemOptions<K extends GetItemType = GetItemType> = TransactionOptions & {
  type?: K;
};
type Typed<K extends GetItemType> = TransactionOptions & { type: K };
type Untyped = TransactionOptions & { type?: undefined };

/** One of the items that `getItems` reads. Its own options go before the common ones. */
export type GetItemsInput = string | { key: string; options?: GetItemOptions };
type ValueOf<Item, Otherwise> = Item extends { options: { type: infer K extends GetItemType } }
  ? GetItemTypeMap[K] | null
  : Otherwise;

export type GetKeysOptions = TransactionOptions & {
  /** Most `:` that a full key may hold. */
  maxDepth?: number;
};

export type RemoveItemOptions = TransactionOptions & {
  /** Also removes what `setMeta` stored. */
  removeMeta?: boolean;
};

export type GetMetaOptions = TransactionOptions & {
  /** Leaves out what `setMeta` stored. */
  nativeOnly?: boolean;
};

export interface StorageMeta {
  atime?: Date;
  mtime?: Date;
  /** In seconds. */
  ttl?: number;
  [key: string]: StorageValue | Date | undefined;
}

export type WatchEvent = "update" | "remove";
/** Called with the full key, or in a view with the key under its base. */
export type WatchCallback = (event: WatchEvent, key: string) => any;
export type Unwatch = () => MaybePromise<void>;

/** A type for each key: `createStorage<{ items: { user: User } }>()`. */
interface StorageDefinition {
  items: unknown;
  [key: string]: unknown;
}
type Items<T> = T extends StorageDefinition ? T["items"] : T;
type Item<T, K> = K extends keyof Items<T>
  ? Items<T>[K]
  : T extends StorageDefinition
    ? StorageValue
    : T;

/**
 * A storage. Its methods need no receiver and survive `{ ...storage }`.
 *
 * An invalid key rejects with `[unstorage] Invalid key: …`, what a driver throws reaches the caller as it is, and what a native driver reports is
 * a `StorageError`.
 */
// NoInfer: from another library's storage, which is alike, TypeScript would infer a type of the items without null. `Uninferred` is for the same the other way round.
export interface Storage<T extends StorageValue = StorageValue> extends Methods<NoInfer<T>> {}

/**
 * No call fits. Where unstorage's `createStorage()` stands for ours, TypeScript infers its items from our methods, last overloads first, and `any`
 * goes before what it makes of the others: values of the types that a call may ask for, and not null.
 */
interface Uninferred {
  (key: never): Promise<any>;
  (key: never, options: never): Promise<any>;
  (key: never, options: never, more: never): Promise<any>;
}

interface Methods<T extends StorageValue> {
  /** Whether the driver has the key. */
  hasItem<U extends Extract<T, StorageDefinition>, K extends keyof Items<U>>(
    key: K,
    options?: TransactionOptions,
  ): Promise<boolean>;
  hasItem(key: string, options?: TransactionOptions): Promise<boolean>;

  /** The item, or null. A text that is JSON is parsed; "true", "null", "NaN" and the like become what they name. */
  getItem<U extends Extract<T, StorageDefinition>, K extends string & keyof Items<U>>(
    key: K,
    options?: Untyped,
  ): Promise<Item<T, K> | null>;
  getItem<K extends GetItemType>(key: string, options: Typed<K>): Promise<GetItemTypeMap[K] | null>;
  getItem<R = Item<T, string>>(key: string, options?: Untyped): Promise<R | null>;

  /** Items in the order of `items`, each with its normalised key. */
  getItems<K extends GetItemType, const I extends readonly GetItemsInput[] = GetItemsInput[]>(
    items: I,
    commonOptions: Typed<K>,
  ): Promise<{ key: string; value: ValueOf<I[number], GetItemTypeMap[K] | null> }[]>;
  getItems<U extends T = T, const I extends readonly GetItemsInput[] = GetItemsInput[]>(
    items: I,
    commonOptions?: Untyped,
  ): Promise<{ key: string; value: ValueOf<I[number], U> }[]>;

  /** The value as the driver keeps it: memory and lru-cache give back the very value, other drivers bytes. */
  getItemRaw: <V = any>(key: string, options?: TransactionOptions) => Promise<Given<V> | null>;

  /**
   * Stores an item. `undefined` removes it. Plain objects and arrays become JSON; a `toJSON()` is honoured; anything else that is no primitive rejects
   * with `[unstorage] Cannot stringify value!`.
   */
  setItem<U extends Extract<T, StorageDefinition>, K extends keyof Items<U>>(
    key: K,
    value: Item<T, K>,
    options?: TransactionOptions,
  ): Promise<void>;
  setItem<U extends T>(key: string, value: U, options?: TransactionOptions): Promise<void>;

  /** Stores many items. Nothing is written where a key or a value is refused. */
  setItems: <U extends T>(
    items: { key: string; value: U; options?: TransactionOptions }[],
    commonOptions?: TransactionOptions,
  ) => Promise<void>;

  /** Stores a value as it is: text, bytes, and in memory and lru-cache anything. `undefined` removes. */
  setItemRaw: <V = any>(
    key: string,
    value: Given<V>,
    options?: TransactionOptions,
  ) => Promise<void>;

  /** Removes an item. `true` stands for `{ removeMeta: true }`. */
  removeItem<U extends Extract<T, StorageDefinition>, K extends keyof Items<U>>(
    key: K,
    options?: RemoveItemOptions | boolean,
  ): Promise<void>;
  removeItem(key: string, options?: RemoveItemOptions | boolean): Promise<void>;

  /** The driver's own metadata, with what `setMeta` stored over it. `true` stands for `{ nativeOnly: true }`. */
  getMeta: (key: string, options?: GetMetaOptions | boolean) => MaybePromise<StorageMeta>;
  setMeta: (key: string, value: StorageMeta, options?: TransactionOptions) => Promise<void>;
  removeMeta: (key: string, options?: TransactionOptions) => Promise<void>;

  /** The keys under a base, in the order of the drivers. Keys that end in `$` are not listed. */
  getKeys: (base?: string, options?: GetKeysOptions) => Promise<string[]>;
  /** Removes what is under the base, in every mount. */
  clear: (base?: string, options?: TransactionOptions) => Promise<void>;
  /** Lets every driver close what it holds. The storage stays usable. */
  dispose: () => Promise<void>;

  /** Reports changes: those that drivers see by themselves, for the others those made through this storage. */
  watch: (callback: WatchCallback) => Promise<Unwatch>;
  /** Ends all watching. */
  unwatch: () => Promise<void>;

  /** Puts a driver under a base. Throws where the base is invalid or taken; the root may be mounted again. */
  mount: (base: string, driver: Driver) => Storage;
  /** Takes a mount away and, unless told otherwise, disposes its driver. */
  unmount: (base: string, dispose?: boolean) => Promise<void>;
  /** The mount that keys under `key` go to. */
  getMount: (key?: string) => { base: string; driver: Driver };
  /** The mounts whose base begins with `base`, with `parents` also those above it; longest first. */
  getMounts: (base?: string, options?: { parents?: boolean }) => { base: string; driver: Driver }[];

  keys: Storage["getKeys"];
  get: Storage<T>["getItem"] & Uninferred;
  set: Storage<T>["setItem"];
  has: Storage<T>["hasItem"];
  del: Storage<T>["removeItem"];
  remove: Storage<T>["removeItem"];
}

export interface DriverFlags {
  /** `getKeys` honours `maxDepth` by itself. */
  maxDepth?: boolean;
  /** An item's `ttl` is kept. */
  ttl?: boolean;
}

/**
 * What a storage keeps its items in. Keys are normalised and without the mount point. Methods are called on the driver, by unstorage some of them detached; each may answer with a value
 * or a promise.
 */
export interface Driver<OptionsT = any, InstanceT = any> {
  name?: string;
  flags?: DriverFlags;
  options?: OptionsT;
  getInstance?: () => InstanceT;
  hasItem: (key: string, options: TransactionOptions) => MaybePromise<boolean>;
  getItem: (key: string, options?: TransactionOptions) => MaybePromise<StorageValue>;
  getItems?: (
    items: { key: string; options?: TransactionOptions }[],
    commonOptions?: TransactionOptions,
  ) => MaybePromise<{ key: string; value: StorageValue }[]>;
  getItemRaw?: (key: string, options: TransactionOptions) => MaybePromise<unknown>;
  setItem?: (key: string, value: string, options: TransactionOptions) => MaybePromise<void>;
  setItems?: (
    items: { key: string; value: string; options?: TransactionOptions }[],
    commonOptions?: TransactionOptions,
  ) => MaybePromise<void>;
  setItemRaw?: (key: string, value: any, options: TransactionOptions) => MaybePromise<void>;
  removeItem?: (key: string, options: TransactionOptions) => MaybePromise<void>;
  getMeta?: (key: string, options: TransactionOptions) => MaybePromise<StorageMeta | null>;
  /** May list more than what is under the base. */
  getKeys: (base: string, options: GetKeysOptions) => MaybePromise<string[]>;
  /** Called for a whole mount only. */
  clear?: (base: string, options: TransactionOptions) => MaybePromise<void>;
  dispose?: () => MaybePromise<void>;
  watch?: (callback: WatchCallback) => MaybePromise<Unwatch>;
}

/**
 * What failed in a native driver. `code` is `ALREADY_MOUNTED`, `INVALID_KEY`, `INVALID_OPTIONS`, `INVALID_VALUE`, `TOO_LARGE`, `UNSUPPORTED`, `INTERNAL`, or the system's
 * own, such as `EACCES`; `docs/install.md` has all. It never holds a value or a secret. `key` is the key as the storage knows it that called the driver: under an overlay or a storage that is
 * mounted as a driver, the key there.
 */
export interface StorageError extends Error {
  code: string;
  driver?: string;
  operation?: string;
  key?: string;
  /** What a service over HTTP answered with. */
  status?: number;
  /** What that service calls the request in its logs. */
  requestId?: string;
}
export declare function isStorageError(error: unknown): error is StorageError;

export interface CreateStorageOptions {
  /** The driver of the root; memory by default. */
  driver?: Driver;
}

export declare function createStorage<T extends StorageValue>(
  options?: CreateStorageOptions,
): Storage<T>;

/**
 * The one storage of this thread, or a view of it under `base`. Unless a server handed over its own or `defineStorage` was called, the first call makes it as
 * `defineStorage({})` would: memory, with a `data` mount that keeps files in `.data/kv`.
 */
export declare function useStorage<T extends StorageValue = StorageValue>(
  base?: string,
): Storage<T>;

/** A mount of a config: its driver, and the driver's options beside it. */
export interface MountConfig {
  /** A driver's name ("fs", "redis"), its module ("rustorage/drivers/fs"), a factory, or a driver, which takes no options beside it. */
  driver: BuiltinDriverName | (string & {}) | Driver | ((options: any) => Driver);
  /**
   * An option of the driver. `{{VAR}}` and `{{VAR:default}}` in a string, also within lists and objects, are replaced from the environment, and
   * `NITRO_STORAGE_<MOUNT>_<OPTION>` goes before what stands here: docs/run-time-options.md.
   */
  [option: string]: unknown;
}

/** The fields that a Nitro config has for storage. */
export interface StorageConfig {
  /**
   * What the mount `data` is kept in, unless it is in `storage`: files in `.data/kv` under `rootDir` (the default), or a database beside that, `.data/kv.lmdb` or
   * `.data/kv.sqlite`.
   */
  data?: "fs" | "lmdb" | "sqlite" | undefined;
  /** By mount point. */
  storage?: Record<string, MountConfig> | undefined;
  /** In development, in the place of mounts of the same name. */
  devStorage?: Record<string, MountConfig> | undefined;
  /**
   * Whether this is development: then `root` and `src` (the folders, read-only), `build` and `cache` (in `buildDir`) are mounted, and as in Nitro they
   * go before mounts of these names in `storage`. By default, whether NODE_ENV is "development".
   */
  dev?: boolean | undefined;
  /** What the default mounts are relative to. By default the working directory at the first use of each. */
  rootDir?: string | undefined;
  /** Relative to `rootDir`, and by default that folder. */
  srcDir?: string | undefined;
  /** Relative to `rootDir`. Default: ".nitro". */
  buildDir?: string | undefined;
}

/**
 * Makes the storage that `useStorage` gives, without a server that does. To be called once, before `useStorage`; the same config again gives the same
 * storage.
 *
 * Throws a `StorageError` with the code `INVALID_OPTIONS` for a field, a driver's name or an option that is unknown, for a second, different config, and where
 * there is a storage already. What the environment lacks, or has malformed, fails the first call that reaches the mount, and the next call tries again.
 */
export declare function defineStorage(config?: StorageConfig): Storage;

/**
 * Replaces `{{VAR}}` and `{{VAR:default}}` in the options of a driver that is made in code: `fs(fromEnv({ base: "{{DATA_DIR}}" }))`. Without it, such text stays as it is.
 * Native drivers read a number or a boolean from a variable too. Throws where a variable is not set and has no default.
 */
export declare function fromEnv<T extends object>(
  options: T,
): { [Option in keyof T]: T[Option] extends string ? any : T[Option] };

/** Makes `storage` the one that `useStorage` gives. Throws where `defineStorage` made one, whose mounts would be lost. */
export declare function setStorage(storage: Storage<any>): void;

/**
 * What stands for a driver in JavaScript whose options come from a config: the driver is made by the first call, with what the environment makes of the options
 * then. `options` have the mount's name under `rustorage:mount`, `load` gives the driver's factory. With `hidesOptions`, the driver shows what the config has. For builds, as `rustorage/nitro` makes them.
 */
export declare function configDriver(
  name: string,
  options: Record<string, unknown>,
  load: () => (options: any) => Driver,
  hidesOptions?: boolean,
): Driver;

/**
 * A view of what is under a base. Views nest; an empty base gives the storage itself. Throws where the base holds a `?`; with a `.` or `..` segment in it, the view's
 * calls reject.
 */
export declare function prefixStorage<T extends StorageValue>(
  storage: Storage<T> | Storage<any>,
  base: string,
): Storage<T>;

export type Snapshot<T = string> = Record<string, T>;
/** All items under a base, by their keys without it. */
export declare function snapshot(storage: Storage, base: string): Promise<Snapshot<string>>;
export declare function restoreSnapshot(
  storage: Storage,
  snapshot: Snapshot<StorageValue>,
  base?: string,
): Promise<void>;

/** The key as a storage has it: `normalizeKey("/a//b?c")` is `"a:b"`. */
export declare function normalizeKey(key?: string): string;
/** As `normalizeKey`, with a `:` at the end unless nothing is left. */
export declare function normalizeBaseKey(base?: string): string;
export declare function joinKeys(...keys: string[]): string;
/** Whether a normalised key has a `.` or `..` segment. */
export declare function hasDotSegment(key: string): boolean;
/** Whether the key holds at most `depth` times `:`. */
export declare function filterKeyByDepth(key: string, depth: number | undefined): boolean;
/** Whether the key begins with the base and does not end in `$`. */
export declare function filterKeyByBase(key: string, base: string | undefined): boolean;

/** Says that `factory` makes drivers; it is returned as it is. */
export declare function defineDriver<OptionsT = any, InstanceT = never>(
  factory: (options: OptionsT) => Driver<OptionsT, InstanceT>,
): (options: OptionsT) => Driver<OptionsT, InstanceT>;

/** Whether a storage of this package runs the driver in Rust. */
export declare function isNative(driver: Driver): boolean;

/** What `getInstance()` of the redis driver gives. */
export interface RedisConnection {
  /** How the driver stands to its server; a waiting one connects with the next call. */
  readonly status: "wait" | "connecting" | "ready" | "reconnecting";
  /** Sends a command, with keys in full: neither `base` nor `keyPrefix` is put in front. It is not sent twice. */
  command(...words: (string | number | bigint | Uint8Array)[]): Promise<RedisReply>;
}
/**
 * Text, a number, null or a list of them; in a list, an Error where one of several commands failed. Bytes that are no UTF-8 come as U+FFFD, and
 * integers beyond 2 ** 53 rounded.
 */
export type RedisReply = string | number | null | Error | RedisReply[];

export interface DriverDependency {
  /** The npm package. */
  name: string;
  /** What the driver imports, where that is not `name`. */
  import?: string;
  /** The range of versions that work. */
  version: string;
  /** Some uses of the driver do without it. */
  optional?: boolean;
}
/** By the option that can provide the package. */
export type DriverDependencies = Record<string, DriverDependency>;

type NativeName =
  | "cloudflare-kv-http"
  | "cloudflareKVHttp"
  | "db0"
  | "fs"
  | "fs-lite"
  | "fsLite"
  | "github"
  | "http"
  | "lmdb"
  | "lru-cache"
  | "lruCache"
  | "memory"
  | "null"
  | "overlay"
  | "redis"
  | "s3"
  | "sqlite"
  | "upstash"
  | "vercel-kv"
  | "vercelKV";
type BorrowedName =
  | `azure-${"app-configuration" | "cosmos" | "key-vault" | "storage-blob" | "storage-table"}`
  | `azure${"AppConfiguration" | "Cosmos" | "KeyVault" | "StorageBlob" | "StorageTable"}`
  | "capacitor-preferences"
  | "capacitorPreferences"
  | `cloudflare-${"cache-binding" | "kv-binding" | "r2-binding"}`
  | `cloudflare${"CacheBinding" | "KVBinding" | "R2Binding"}`
  | "deno-kv"
  | "denoKV"
  | "deno-kv-node"
  | "denoKVNode"
  | "indexedb"
  | "localstorage"
  | "mongodb"
  | "netlify-blobs"
  | "netlifyBlobs"
  | "planetscale"
  | "session-storage"
  | "sessionStorage"
  | "uploadthing"
  | "vercel-blob"
  | "vercelBlob"
  | "vercel-runtime-cache"
  | "vercelRuntimeCache";

export type BuiltinDriverName = NativeName | BorrowedName;

/** What may stand among a driver's options without effect. */
export interface CommonDriverOptions {
  /** The name that a Nitro config has for the driver, which is made by the first call then. */
  driver?: string | undefined;
  /** The client that unstorage's driver is given. */
  lib?: unknown;
}

/** The options of each driver, by its name. */
export type BuiltinDriverOptions = {
  "cloudflare-kv-http": CloudflareKvHttpOptions;
  cloudflareKVHttp: CloudflareKvHttpOptions;
  db0: Db0Options;
  fs: FsOptions;
  "fs-lite": FsLiteOptions;
  fsLite: FsLiteOptions;
  github: GithubOptions;
  http: HttpOptions;
  lmdb: LmdbOptions;
  "lru-cache": LruCacheOptions;
  lruCache: LruCacheOptions;
  memory: MemoryOptions;
  null: CommonDriverOptions;
  overlay: OverlayOptions;
  redis: RedisOptions;
  s3: S3Options;
  sqlite: SqliteOptions;
  upstash: UpstashOptions;
  "vercel-kv": VercelKvOptions;
  vercelKV: VercelKvOptions;
} & Record<BorrowedName, Record<string, any>>;

/** The module of each driver: ours where it is native, otherwise unstorage's, which has to be installed for it. */
export declare const builtinDrivers: {
  readonly [Name in NativeName]: `rustorage/drivers/${string}`;
} & {
  readonly [Name in BorrowedName]: `unstorage/drivers/${string}`;
};

/** What the drivers that are not native import; the others import nothing. */
export declare const builtinDriverDependencies: Partial<
  Record<BuiltinDriverName, DriverDependencies>
>;
