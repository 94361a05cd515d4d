/** An app that bundles everything, where no addon can be loaded. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { removeApp, moveOutput, run, setUpApp, startApp } from "../../../scripts/app.js";

let app;
let folder;
let server;

beforeAll(() => {
  const source = fileURLToPath(new URL("../targets/no-externals/", import.meta.url));
  app = setUpApp("no-externals", [source]);
}, 600_000);

afterAll(async () => {
  await server?.stop();
  if (folder) removeApp(folder);
});

test("it is told once that unstorage stays, and works", async () => {
  const output = run(["npm", "run", "build"], app);
  expect(output.match(/unstorage stays/g)).toEqual(["unstorage stays"]);
  folder = moveOutput(app);
  expect(existsSync(join(folder, "output/server/node_modules"))).toBe(false);
  server = await startApp(folder);
  const { body } = await server.ask("GET", "/");
  expect(body).toEqual({ keys: ["3", "2"], mounts: 3 });
}, 300_000);
