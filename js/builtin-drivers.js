/** The names of all drivers, where each is imported from, and what those that are not native here need installed. */

const NATIVE = [
  "cloudflare-kv-http",
  "db0",
  "github",
  "http",
  "lmdb",
  "lru-cache",
  "memory",
  "netlify-blobs",
  "null",
  "overlay",
  "redis",
  "s3",
  "sqlite",
  "upstash",
  "vercel-blob",
  "vercel-kv",
];

/** Native where files are what Unix knows as files: on Windows these two are unstorage's. */
const FILES = ["fs", "fs-lite"];
export const ownsFiles = process.platform !== "win32";

const IDENTITY = { name: "@azure/identity", version: "^4.13.0" };
const OPTIONAL_IDENTITY = { ...IDENTITY, optional: true };

function lib(name, version, more) {
  return { lib: { name, version, ...more } };
}

function azure(name, version, identityLib = OPTIONAL_IDENTITY) {
  return { ...lib(`@azure/${name}`, version), identityLib };
}

/** unstorage's drivers: what each imports, by the option that can provide it. */
const BORROWED = {
  "azure-app-configuration": azure("app-configuration", "^1.11.0"),
  "azure-cosmos": azure("cosmos", "^4.9.1"),
  "azure-key-vault": azure("keyvault-secrets", "^4.10.0", IDENTITY),
  "azure-storage-blob": azure("storage-blob", "^12.31.0"),
  "azure-storage-table": azure("data-tables", "^13.3.2"),
  "capacitor-preferences": lib("@capacitor/preferences", "^6 || ^7 || ^8"),
  "cloudflare-cache-binding": undefined,
  "cloudflare-kv-binding": undefined,
  "cloudflare-r2-binding": undefined,
  "deno-kv": undefined,
  "deno-kv-node": lib("@deno/kv", ">=0.14.0"),
  indexedb: lib("idb-keyval", "^6.2.2"),
  localstorage: undefined,
  mongodb: lib("mongodb", "^6 || ^7"),
  planetscale: lib("@planetscale/database", "^1.19.0 || ^2.0.0"),
  "session-storage": undefined,
  uploadthing: lib("uploadthing", "^7.7.4", { import: "uploadthing/server" }),
  "vercel-runtime-cache": lib("@vercel/functions", "^2.2.12 || ^3.0.0", { optional: true }),
};

/** Where unstorage's drivers work that no server of Node can be. */
export const RUNTIMES = {
  "capacitor-preferences": "an app of Capacitor",
  "cloudflare-cache-binding": "Cloudflare's runtime",
  "cloudflare-kv-binding": "Cloudflare's runtime",
  "cloudflare-r2-binding": "Cloudflare's runtime",
  "deno-kv": "Deno",
  indexedb: "a browser",
  localstorage: "a browser",
  "session-storage": "a browser",
};

const ABBREVIATIONS = new Set(["kv"]);

function camelCase(name) {
  return name.replace(/-([a-z0-9]+)/g, (_, word) =>
    ABBREVIATIONS.has(word) ? word.toUpperCase() : word[0].toUpperCase() + word.slice(1),
  );
}

function underBothNames(entries) {
  return Object.fromEntries(
    entries.flatMap(([name, value]) => [
      [name, value],
      [camelCase(name), value],
    ]),
  );
}

export const builtinDrivers = underBothNames([
  ...NATIVE.map((name) => [name, `rustorage/drivers/${name}`]),
  ...FILES.map((name) => [name, `${ownsFiles ? "rustorage" : "unstorage"}/drivers/${name}`]),
  ...Object.keys(BORROWED).map((name) => [name, `unstorage/drivers/${name}`]),
]);

export const builtinDriverDependencies = underBothNames(
  Object.entries(BORROWED).filter(([, dependencies]) => dependencies !== undefined),
);
