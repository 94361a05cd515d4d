/** The options of drivers under the names that unstorage has for them. */
import type { AzureAppConfigurationOptions } from "rustorage/drivers/azure-app-configuration";
import type { AzureCosmosOptions } from "rustorage/drivers/azure-cosmos";
import type { AzureKeyVaultOptions } from "rustorage/drivers/azure-key-vault";
import type { AzureStorageBlobOptions } from "rustorage/drivers/azure-storage-blob";
import type { AzureStorageTableOptions } from "rustorage/drivers/azure-storage-table";
import type { CapacitorPreferencesOptions } from "rustorage/drivers/capacitor-preferences";
import type { CacheOptions } from "rustorage/drivers/cloudflare-cache-binding";
import type { KVOptions } from "rustorage/drivers/cloudflare-kv-binding";
import type { KVHTTPOptions } from "rustorage/drivers/cloudflare-kv-http";
import type { CloudflareR2Options } from "rustorage/drivers/cloudflare-r2-binding";
import type { DB0DriverOptions } from "rustorage/drivers/db0";
import type { DenoKvOptions } from "rustorage/drivers/deno-kv";
import type { DenoKvNodeOptions } from "rustorage/drivers/deno-kv-node";
import type { FSStorageOptions } from "rustorage/drivers/fs";
import type { FSStorageOptions as FsLiteStorageOptions } from "rustorage/drivers/fs-lite";
import type { GithubOptions } from "rustorage/drivers/github";
import type { HTTPOptions } from "rustorage/drivers/http";
import type { IDBKeyvalOptions } from "rustorage/drivers/indexedb";
import type { LocalStorageOptions } from "rustorage/drivers/localstorage";
import type { LRUDriverOptions } from "rustorage/drivers/lru-cache";
import type { MongoDbOptions } from "rustorage/drivers/mongodb";
import type { NetlifyStoreOptions } from "rustorage/drivers/netlify-blobs";
import type { OverlayStorageOptions } from "rustorage/drivers/overlay";
import type { PlanetscaleDriverOptions } from "rustorage/drivers/planetscale";
import type { RedisOptions } from "rustorage/drivers/redis";
import type { S3DriverOptions } from "rustorage/drivers/s3";
import type { SessionStorageOptions } from "rustorage/drivers/session-storage";
import type { UploadThingOptions } from "rustorage/drivers/uploadthing";
import type { UpstashOptions } from "rustorage/drivers/upstash";
import type { VercelBlobOptions } from "rustorage/drivers/vercel-blob";
import type { VercelKVOptions } from "rustorage/drivers/vercel-kv";
import type { VercelCacheOptions } from "rustorage/drivers/vercel-runtime-cache";

type Named = [
  AzureAppConfigurationOptions,
  AzureCosmosOptions,
  AzureKeyVaultOptions,
  AzureStorageBlobOptions,
  AzureStorageTableOptions,
  CapacitorPreferencesOptions,
  CacheOptions,
  KVOptions,
  KVHTTPOptions,
  CloudflareR2Options,
  DB0DriverOptions,
  DenoKvOptions,
  DenoKvNodeOptions,
  FSStorageOptions,
  FsLiteStorageOptions,
  GithubOptions,
  HTTPOptions,
  IDBKeyvalOptions,
  LocalStorageOptions,
  LRUDriverOptions,
  MongoDbOptions,
  NetlifyStoreOptions,
  OverlayStorageOptions,
  PlanetscaleDriverOptions,
  RedisOptions,
  S3DriverOptions,
  SessionStorageOptions,
  UploadThingOptions,
  UpstashOptions,
  VercelBlobOptions,
  VercelKVOptions,
  VercelCacheOptions,
];

declare let http: HTTPOptions;
http = { base: "https://storage.example", headers: { authorization: "mine" } };
// @ts-expect-error they are no names for anything
http = { base: 1 };
declare let mongodb: MongoDbOptions;
mongodb = { connectionString: "mongodb://localhost" };

export type { Named };
export { http, mongodb };
