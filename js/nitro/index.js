/**
 * The Nitro module: `unstorage` and the drivers that are native here resolve to rustorage, in all that the app bundles.
 *
 * An alias would not do: Nitro resolves some of these imports before aliases apply.
 */

import { relative } from "node:path";

/** unstorage's drivers that are native here. */
const NATIVE_DRIVERS = ["fs", "fs-lite", "lru-cache", "memory", "null", "overlay"];

const IMPORTS = new Map([
  ["unstorage", "rustorage"],
  ...NATIVE_DRIVERS.map((name) => [`unstorage/drivers/${name}`, `rustorage/drivers/${name}`]),
]);

/** Hands Nitro's storage to `useStorage` of "rustorage", so that both are one. */
const PLUGIN = "#rustorage/plugin";
const PLUGIN_SOURCE = `
import { useStorage } from "nitro/storage";
import { setStorage } from "rustorage";
export default () => setStorage(useStorage());
`;

export default {
  name: "rustorage",

  setup(nitro) {
    const { options } = nitro;
    options.rollupConfig ??= {};
    options.rollupConfig.plugins = [resolver(), ...[options.rollupConfig.plugins ?? []].flat()];
    // External, and copied into the output with the binary: an addon cannot be bundled.
    options.traceDeps = [...(options.traceDeps ?? []), "rustorage"];
    options.traceOpts = withoutSources(options.traceOpts);
    options.virtual[PLUGIN] = PLUGIN_SOURCE;
    options.plugins.unshift(PLUGIN);
  },
};

/** What an app runs of the package; a linked checkout holds much more. */
const SHIPPED = /^(?:index\.js|js[\\/].+|npm[\\/].+\.node|package\.json|LICENSE)$/;

function withoutSources(traceOpts) {
  const hooks = traceOpts?.hooks;
  return {
    ...traceOpts,
    hooks: {
      ...hooks,
      async tracedPackages(packages) {
        for (const version of Object.values(packages.rustorage?.versions ?? {})) {
          version.files = version.files.filter((file) =>
            SHIPPED.test(relative(version.path, file)),
          );
        }
        await hooks?.tracedPackages?.(packages);
      },
    },
  };
}

function resolver() {
  return {
    name: "rustorage",
    resolveId: {
      order: "pre",
      filter: { id: /^(?:unstorage|rustorage)(?:\/drivers\/[\w-]+)?$/ },
      async handler(id, importer, options) {
        const target = IMPORTS.get(id) ?? id;
        if (target.startsWith("unstorage")) return null;
        const resolved = await this.resolve(target, importer, { ...options, skipSelf: true });
        // A linked checkout resolves to a path outside node_modules, which Nitro would bundle.
        return resolved?.external ? resolved : { id: target, external: true };
      },
    },
  };
}
