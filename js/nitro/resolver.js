/** The bundler's plugin that gives rustorage to whoever imports unstorage. */
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { OF_UNSTORAGE_1, borrowedImport, nativeImport } from "./mounts.js";

const require = createRequire(import.meta.url);

/** What stands for unstorage's modules: the bundlers' mark for modules that are no files, and the import that it passes on. */
const PREFIX = "\0rustorage:";

/** Gives Nitro's storage tracing. */
const TRACED = `${PREFIX}traced`;

const TRACED_SOURCE = `
import { createStorage as create } from "rustorage";
import { withTracing } from "rustorage/tracing";

export const createStorage = (options) => withTracing(create(options));
`;

/** What stands for redis of unstorage 1, which a plugin may mount: as a config's mounts have it. */
const REDIS_OF_UNSTORAGE_1 = `${PREFIX}redis-of-unstorage-1`;

const REDIS_OF_UNSTORAGE_1_SOURCE = `
import redis from "rustorage/drivers/redis";

export * from "rustorage/drivers/redis";
export default (options) => redis({ ...${JSON.stringify(OF_UNSTORAGE_1)}, ...options });
`;

/** Modules that do more than to pass an import on. */
const SOURCES = {
  [TRACED]: TRACED_SOURCE,
  [REDIS_OF_UNSTORAGE_1]: REDIS_OF_UNSTORAGE_1_SOURCE,
};

/** The module of Nitro 2 and 3.0.0 that makes the storage. */
const NITRO_STORAGE = "#nitro-internal-virtual/storage";

const IMPORTS = /^(?:unstorage|rustorage)(?:\/(?:server|tracing|drivers\/[\w-]+))?$/;
const STANDING_FOR = /^\0rustorage:/;

/**
 * rustorage is never bundled, as an addon cannot be, and is imported by its name. An alias would not do: Nitro resolves some
 * of these imports before aliases apply. Nor would resolving to the name: Vite takes unstorage's modules for its own to run, and
 * whatever they resolve to.
 *
 * `bare`: as functions alone. Nitro 3.0.0 overlooks other hooks in Vite's development server. `traced`: whether the storage of
 * a Nitro that knows no tracing is traced. `legacy`: whether Nitro has unstorage 1. `placed`: imported
 * by its place, since what runs where it is built may be in a folder from which the name is not found.
 */
export function resolver({ bare = false, traced = false, legacy = false, placed = false } = {}) {
  const name = "rustorage";
  const resolve = (id, importer) => {
    if (traced && id === "unstorage" && importer?.includes(NITRO_STORAGE)) return { id: TRACED };
    if (legacy && id === "unstorage/drivers/redis") return { id: REDIS_OF_UNSTORAGE_1 };
    return resolveId(id, placed);
  };
  if (bare) return { name, resolveId: resolve, load };
  return {
    name,
    resolveId: { order: "pre", filter: { id: IMPORTS }, handler: resolve },
    load: { filter: { id: STANDING_FOR }, handler: load },
  };
}

function resolveId(id, placed) {
  if (!IMPORTS.test(id)) return null;
  // What is external does not find unstorage, which is bundled.
  const borrowed = borrowedImport(id);
  if (borrowed) return { id: PREFIX + borrowed };
  if (id.startsWith("rustorage")) {
    return { id: placed ? pathToFileURL(require.resolve(id)).href : id, external: true };
  }
  const isDriver = id.startsWith("unstorage/drivers/");
  const target = isDriver ? nativeImport(id) : id.replace("unstorage", "rustorage");
  return target ? { id: PREFIX + target } : null;
}

function load(id) {
  if (!STANDING_FOR.test(id)) return null;
  if (Object.hasOwn(SOURCES, id)) return SOURCES[id];
  const target = JSON.stringify(id.slice(PREFIX.length));
  const names = `export * from ${target};`;
  return id.includes("/drivers/") ? `${names}\nexport { default } from ${target};` : names;
}
