/** The apps that the module is tried in: folders of `targets` over the common `app`, and how each is run in development. */
import { fileURLToPath } from "node:url";
import { setUpApp } from "../../scripts/app.js";

const NITRO = ["nitro", "dev", "--host", "127.0.0.1", "--port"];
export const NODE_22 = fileURLToPath(
  new URL("../../node_modules/node22/bin/node", import.meta.url),
);

const TARGETS = {
  beta: {
    folders: ["beta"],
    development: NITRO,
    // For drivers that are unstorage's: under pnpm no other package's is found.
    pnpm: { unstorage: "2.0.0-beta.0" },
  },
  "beta-rollup": {
    folders: ["beta", "beta-rollup"],
    development: NITRO,
    env: { NITRO_BUILDER: "rollup" },
  },
  "beta-vite": {
    folders: ["beta", "beta-vite"],
    development: ["vite", "--host", "127.0.0.1", "--port"],
  },
  "nitro-3.0.0": { folders: ["nitro-3.0.0"], development: NITRO },
  "nitro-3.0.0-vite": {
    folders: ["nitro-3.0.0", "nitro-3.0.0-vite"],
    development: ["vite", "--host", "127.0.0.1", "--port"],
    // A request that comes before Vite has the environment for it ends Nitro's server. A plugin of the app writes this.
    sign: ".data/kv/started",
    // What that Nitro makes of an asset there, with unstorage too.
    asset: '// ROLLUP_NO_REPLACE \n export default "hello\\n"',
  },
  nitropack: {
    folders: ["nitropack"],
    development: ["nitropack", "dev", "--host", "127.0.0.1", "--port"],
  },
  nuxt: {
    folders: ["nuxt"],
    development: ["nuxt", "dev", "--host", "127.0.0.1", "--port"],
    node: NODE_22,
  },
};

/**
 * Sets the target's app up; gives its folder, and all that says how to run it. `test` names a test that shares its app with no
 * other, as they run at once.
 */
export function setUpTarget(name, manager = "npm", test = undefined) {
  const { folders, pnpm, ...target } = TARGETS[name];
  const sources = [
    new URL("app/", import.meta.url),
    ...folders.map((folder) => new URL(`targets/${folder}/`, import.meta.url)),
  ];
  const id = [name, manager === "npm" ? undefined : manager, test].filter(Boolean).join("-");
  const options = { manager, node: target.node, ...(manager === "pnpm" && { dependencies: pnpm }) };
  return { ...target, app: setUpApp(id, sources.map(fileURLToPath), options) };
}

/** What the app of every target answers, as functions. */
export function driver(ask) {
  return {
    get: async (path) => (await ask("GET", path)).body,
    async call(base, method, ...args) {
      const { body } = await ask("POST", "/call", { base, method, args });
      if (body.error) throw Object.assign(new Error(body.error.message), body.error);
      return body.value;
    },
  };
}
