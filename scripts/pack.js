/**
 * Makes the tarballs that are published: `node scripts/pack.js FOLDER [PLATFORM …]`, that of rustorage and those of the
 * platforms, by default of all that are built. Prints their paths.
 *
 * The platforms become optional dependencies here, not in package.json: `npm ci` refuses what no registry has, and none has the
 * version that is being worked on.
 */
import { execFileSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { PLATFORMS, binary } from "./platforms.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const [folder, ...names] = process.argv.slice(2);
if (folder === undefined) throw new Error("usage: node scripts/pack.js FOLDER [PLATFORM …]");

const unknown = names.filter((name) => !PLATFORMS.some((platform) => platform.name === name));
if (unknown.length > 0) throw new Error(`There is no platform ${unknown.join(", ")}`);

const platforms = PLATFORMS.filter((platform) =>
  names.length > 0
    ? names.includes(platform.name)
    : existsSync(join(root, "npm", platform.name, binary(platform))),
);

mkdirSync(folder, { recursive: true });
const rustorage = manifestIn(root);
// Undefined fields are not written.
pack(root, {
  ...rustorage,
  private: undefined,
  devDependencies: undefined,
  optionalDependencies: Object.fromEntries(
    platforms.map(({ name }) => [`@rustorage/${name}`, rustorage.version]),
  ),
});
for (const { name } of platforms) {
  const source = join(root, "npm", name);
  pack(source, manifestIn(source));
}

function manifestIn(source) {
  return JSON.parse(readFileSync(join(source, "package.json"), "utf8"));
}

/** Packs the files that a manifest names. Those that `source` has not are the repository's, as its licence is. */
function pack(source, manifest) {
  const stage = mkdtempSync(join(tmpdir(), "rustorage-pack-"));
  try {
    for (const file of [...manifest.files, "README.md", "LICENSE"]) {
      const from = [join(source, file), join(root, file)].find((path) => existsSync(path));
      if (from === undefined) throw new Error(`${manifest.name} has no ${file}: it is not built`);
      cpSync(from, join(stage, file), { recursive: true });
    }
    writeFileSync(join(stage, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
    const to = resolve(folder);
    const said = execFileSync("npm", ["pack", "--json", `--pack-destination=${to}`], {
      cwd: stage,
      encoding: "utf8",
    });
    console.log(join(to, JSON.parse(said)[0].filename));
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
}
