/** An app for Cloudflare, whose runtime loads no addon. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { run, setUpApp } from "../../../scripts/app.js";

test("it is told once that unstorage stays, and works there", () => {
  const sources = ["no-externals", "edge"].map((name) =>
    fileURLToPath(new URL(`../targets/${name}/`, import.meta.url)),
  );
  const app = setUpApp("edge", sources);
  const output = run(["npm", "run", "build"], app);
  expect(output.match(/unstorage stays/g)).toEqual(["unstorage stays"]);
  const server = join(app, ".output/server");
  expect(existsSync(join(server, "node_modules"))).toBe(false);
  expect(readFileSync(join(server, "index.mjs"), "utf8")).not.toContain("rustorage");
  const answer = run(["node", "worker.js", server], app);
  expect(JSON.parse(answer)).toEqual({ keys: ["3", "2"], mounts: 3 });
}, 600_000);
