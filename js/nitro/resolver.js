/** The bundler's plugin that gives rustorage to whoever imports unstorage. */
import { nativeImport } from "./mounts.js";

/** What stands for unstorage's modules: the bundlers' mark for modules that are no files, and the import that it passes on. */
const PREFIX = "\0rustorage:";

/**
 * rustorage is never bundled, as an addon cannot be, and is imported by its name. An alias would not do: Nitro resolves some
 * of these imports before aliases apply. Nor would resolving to the name: Vite takes unstorage's modules for its own to run, and
 * whatever they resolve to.
 */
export function resolver() {
  return {
    name: "rustorage",
    resolveId: {
      order: "pre",
      filter: { id: /^(?:unstorage|rustorage)(?:\/drivers\/[\w-]+)?$/ },
      handler(id) {
        if (id.startsWith("rustorage")) return { id, external: true };
        const target = id === "unstorage" ? "rustorage" : nativeImport(id);
        return target ? PREFIX + target : null;
      },
    },
    load: {
      filter: { id: /^\0rustorage:/ },
      handler(id) {
        const target = JSON.stringify(id.slice(PREFIX.length));
        if (id === `${PREFIX}rustorage`) return `export * from ${target};`;
        return `export * from ${target};\nexport { default } from ${target};`;
      },
    },
  };
}
