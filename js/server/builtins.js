/**
 * Modules of Node's that are loaded when first used, as an import of this package takes longer with them than without: one of `node:http` as
 * an ES module runs its getters, which load all of fetch and WebSocket.
 */
import { createRequire } from "node:module";

// In what bundlers make as CommonJS there is no `import.meta.url`.
const require = createRequire(import.meta.url ?? __filename);

export const builtins = {
  get crypto() {
    return require("node:crypto");
  },
  get http() {
    return require("node:http");
  },
};
