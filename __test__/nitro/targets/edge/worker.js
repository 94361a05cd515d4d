/** Runs what was built into the folder in Cloudflare's runtime, and prints what it answers. */
import { Miniflare } from "miniflare";
import { readdirSync } from "node:fs";
import { join } from "node:path";

const [, , folder] = process.argv;
const files = readdirSync(folder, { recursive: true }).filter((file) => file.endsWith(".mjs"));
// The first is the one that runs.
const ordered = ["index.mjs", ...files.filter((file) => file !== "index.mjs")];
const runtime = new Miniflare({
  host: "127.0.0.1",
  port: 0,
  modulesRoot: folder,
  modules: ordered.map((file) => ({ type: "ESModule", path: join(folder, file) })),
  compatibilityDate: "2026-01-01",
  compatibilityFlags: ["nodejs_compat"],
});
const response = await runtime.dispatchFetch("http://app/");
console.log(await response.text());
await runtime.dispose();
