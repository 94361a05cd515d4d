/**
 * The Nitro module, for Nitro 2 and 3: `unstorage` and the drivers that are native here become rustorage, in all that the app
 * bundles.
 */
import { readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import {
  addDefaultMounts,
  checkConfig,
  claimMounts,
  hideClients,
  placeData,
  revealClients,
  warnOfVariables,
} from "./mounts.js";
import { resolver } from "./resolver.js";

const require = createRequire(import.meta.url);
const root = new URL("../../", import.meta.url);

/** Hands Nitro's storage to `useStorage` of "rustorage", so that both are one: when it is loaded, before the app's plugins. */
const PLUGIN = "#rustorage/plugin";

/** On a Nitro that has the module. Not what the module adds to the options: the Nitro that renders routes for another has those from the start. */
const SET_UP = Symbol.for("rustorage.nitro.module");

/**
 * What exports Nitro's `useStorage`, by Nitro's major version; 3.0.0 does not tell its. Not the whole `…/runtime`: that imports
 * the app's plugins, and so would not be ready.
 */
const NITRO_STORAGE = {
  2: "nitropack/runtime/internal/storage",
  3: "nitro/storage",
  undefined: "nitro/runtime/internal/storage",
};

/**
 * Vite reloads a server within its thread: then the watchers and connections of earlier storages end here, as nobody else ends them. Not only of the last: what is left of
 * a server, such as a plugin that was waiting, may use its storage once more, which opens them again.
 */
function pluginSource(version) {
  return `
import { useStorage } from ${JSON.stringify(NITRO_STORAGE[version])};
import { setStorage } from "rustorage";

const storage = useStorage();
setStorage(storage);
const kept = (globalThis[Symbol.for("rustorage.nitro")] ??= new Set());
for (const reference of kept) {
  const earlier = reference.deref();
  if (earlier === undefined || earlier === storage) kept.delete(reference);
  else earlier.dispose().catch(console.error);
}
kept.add(new WeakRef(storage));

export default () => {};
`;
}

const module = {
  name: "rustorage",

  setup(nitro) {
    const { options, logger } = nitro;
    const version = nitro.meta?.majorVersion;
    // Nuxt's module and an entry of `modules` may both bring it.
    if (nitro[SET_UP]) return;
    nitro[SET_UP] = true;
    options.virtual[PLUGIN] = pluginSource(version);
    if (!options.node || options.noExternals === true) {
      const why = options.node ? "`noExternals`" : `the preset \`${options.preset}\``;
      logger.warn(`[rustorage] With ${why} no native addon can be loaded: unstorage stays.`);
      revealClients(options);
      nitro.hooks.hook("build:before", () => warnOfVariables(options, logger));
      return;
    }

    const deployed = !options.dev && options.preset !== "nitro-prerender";
    options.rollupConfig ??= {};
    const plugin = resolver({
      bare: version === undefined,
      traced: traces(options, version),
      legacy: version === 2,
      // Vite, which 3.0.0 does not tell of, runs what it finds by its place as a part of the app.
      placed: !deployed && version !== undefined && options.builder !== "vite",
    });
    options.rollupConfig.plugins = [plugin, ...[options.rollupConfig.plugins ?? []].flat()];
    if (deployed) copyToOutput(options, version);
    options.plugins.unshift(PLUGIN);

    checkConfig(options);
    placeData(options);
    if (version === 3 && options.rustorage?.defaultMounts !== false) addDefaultMounts(options);
    // Modules that come later may add mounts.
    nitro.hooks.hook("build:before", () => claimMounts(options, logger, version));
  },
};
export default module;

/** Whether the module has to do what the beta does by itself where its option says so. */
function traces({ tracingChannel }, version) {
  return version !== 3 && Boolean(tracingChannel) && tracingChannel.unstorage !== false;
}

/** Makes Nitro copy the package and its binaries. */
function copyToOutput(options, version) {
  if (!root.pathname.includes("/node_modules/")) {
    throw new Error(
      `[rustorage] The package is linked from ${fileURLToPath(root)}: Nitro copies only what is installed in node_modules. Install it from a tarball.`,
    );
  }
  const binaries = installedBinaries();
  if (version === 3) {
    options.traceDeps = [...(options.traceDeps ?? []), "rustorage"];
    return;
  }
  const drivers = readdirSync(new URL("js/drivers/", root)).filter((file) => file.endsWith(".js"));
  const files = [
    "index.js",
    "js/server/index.js",
    "js/tracing.js",
    ...drivers.map((file) => `js/drivers/${file}`),
  ];
  options.externals = {
    ...options.externals,
    traceInclude: [
      ...(options.externals?.traceInclude ?? []),
      ...files.map((file) => fileURLToPath(new URL(file, root))),
      ...binaries,
    ],
  };
}

/** The binaries of whatever platforms are installed. */
function installedBinaries() {
  const { optionalDependencies = {} } = require("../../package.json");
  const binaries = Object.keys(optionalDependencies).flatMap((name) => {
    try {
      return require.resolve(name);
    } catch {
      return [];
    }
  });
  if (binaries.length === 0) {
    throw new Error(
      `[rustorage] No binary is installed for ${process.platform} ${process.arch}, so the server could not start.`,
    );
  }
  return binaries;
}

/**
 * The config, with the module, and with mounts that Nitro cannot mistake for unstorage's: it asks for the packages that
 * unstorage's drivers need before any module runs.
 */
export function withNativeStorage(config = {}) {
  return {
    ...config,
    modules: [...(config.modules ?? []), module],
    storage: hideClients(config.storage),
    devStorage: hideClients(config.devStorage),
  };
}
