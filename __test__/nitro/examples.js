/** Runs examples, as their readers would: built, and moved away. */
import { afterAll, beforeAll } from "vitest";
import { buildApp, exampleApp, removeApp, startApp } from "../../scripts/app.js";

const MINUTES = 60_000;

/** Has the example built and running for the tests of a file; `ask` asks it, `restart` starts it anew on what it has on disk. */
export function useExample(name, options = {}) {
  let folder;
  let server;
  beforeAll(async () => {
    folder = buildApp(exampleApp(name, options), options);
    server = await startApp(folder, options);
  }, 10 * MINUTES);
  afterAll(async () => {
    await server?.stop();
    if (folder) removeApp(folder);
  });
  return {
    ask: (...args) => server.ask(...args),
    page: async (path) => (await fetch(server.url + path)).text(),
    async restart(env) {
      await server.stop();
      server = await startApp(folder, { ...options, env });
    },
  };
}
