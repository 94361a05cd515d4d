/** What is measured of ours: the package as users install it, whose inner modules are joined in fewer files. */
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { host } from "../scripts/platforms.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const app = join(root, "target/bench");
const importer = join(app, "import.js");

/** Packs what is built, and installs it in a folder of its own. */
export function install() {
  rmSync(app, { recursive: true, force: true });
  mkdirSync(app, { recursive: true });
  writeFileSync(join(app, "package.json"), `{ "private": true, "type": "module" }`);
  writeFileSync(importer, "export default (id) => import(id);\n");
  const pack = ["scripts/pack.js", join(app, "tarballs"), host().name];
  const options = { encoding: "utf8" };
  const tarballs = execFileSync(process.execPath, pack, { ...options, cwd: root });
  const words = ["install", "--no-audit", "--no-fund", ...tarballs.trim().split("\n")];
  execFileSync("npm", words, { ...options, cwd: app });
}

/** Imports as a module of that folder does. */
export async function importInstalled(id) {
  const { default: take } = await import(pathToFileURL(importer).href);
  return take(id);
}
