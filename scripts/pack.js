/**
 * Packs what is published, the package and the binary that was built for this machine, into a folder:
 * `node scripts/pack.js [folder]`, by default dist.
 */
import { spawnSync } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Returns the tarballs' paths by the packages' names. */
export function pack(folder) {
  mkdirSync(folder, { recursive: true });
  const built = readdirSync(join(root, "npm")).filter((name) =>
    readdirSync(join(root, "npm", name)).some((file) => file.endsWith(".node")),
  );
  if (built.length === 0) throw new Error("There is no binary to pack: `make build` makes it");
  const work = mkdtempSync(join(tmpdir(), "rustorage-pack-"));
  try {
    const description = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    // The platforms' packages are of the same version, and named when they are there.
    description.optionalDependencies = Object.fromEntries(
      built.map((name) => [`@rustorage/${name}`, description.version]),
    );
    for (const name of [...description.files, "README.md", "LICENSE"]) {
      cpSync(join(root, name), join(work, name), { recursive: true });
    }
    writeFileSync(join(work, "package.json"), JSON.stringify(description));
    const packages = [work, ...built.map((name) => join(root, "npm", name))];
    const npm = ["pack", "--json", `--pack-destination=${folder}`, ...packages];
    const { status, error, stdout, stderr } = spawnSync("npm", npm, { encoding: "utf8" });
    if (error) throw error;
    if (status !== 0) throw new Error(`npm ${npm.join(" ")} failed:\n${stdout}${stderr}`);
    return Object.fromEntries(
      JSON.parse(stdout).map(({ name, filename }) => [name, join(folder, filename)]),
    );
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const tarballs = pack(resolve(process.argv[2] ?? join(root, "dist")));
  console.log(Object.values(tarballs).join("\n"));
}
