/**
 * Makes the tarballs that are published: `node scripts/pack.js [FOLDER [PLATFORM …]]`, that of rustorage and those of the
 * platforms, by default of all that are built, in dist. Prints their paths.
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
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";
import { PLATFORMS, binary } from "./platforms.js";

const LICENCES = "THIRD-PARTY-LICENSES.txt";

const root = fileURLToPath(new URL("..", import.meta.url));
const [folder = join(root, "dist"), ...names] = process.argv.slice(2);

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
await pack(
  root,
  {
    ...rustorage,
    private: undefined,
    // destr becomes part of the modules.
    files: [...rustorage.files, LICENCES],
    dependencies: undefined,
    devDependencies: undefined,
    optionalDependencies: Object.fromEntries(
      platforms.map(({ name }) => [`@rustorage/${name}`, rustorage.version]),
    ),
  },
  joinModules,
);
for (const { name } of platforms) {
  const source = join(root, "npm", name);
  await pack(source, manifestIn(source));
}

/**
 * Puts the modules that nobody imports by name into fewer files, readable as they are: half of what an import takes goes by files, and
 * more by packages. Each module stays in one file only, so that all entries share what they share in a checkout.
 */
async function joinModules(stage) {
  const modules = readdirSync(join(root, "js"), { recursive: true }).filter((file) =>
    file.endsWith(".js"),
  );
  for (const file of modules) rmSync(join(stage, "js", file));
  // What lies in folders is imported by name, or beside what is.
  const entries = [
    "index",
    "js/tracing",
    ...modules.filter(isEntry).map((file) => `js/${file.slice(0, -3)}`),
  ];
  const joined = await rolldown({
    cwd: root,
    input: Object.fromEntries(entries.map((name) => [name, `./${name}.js`])),
    platform: "node",
    external: (id) => /^[^./]/.test(id) && id !== "destr",
  });
  const chunks = [
    // Nitro's module reads these, on machines too that cannot load the addon.
    {
      name: "common",
      test: /js\/(?:builtin-drivers|data-mount|errors|keys|late-driver|option-types|runtime-options)\.js$/,
    },
    // Who does not trace pays nothing for it.
    { name: "native", test: /js\/(?!tracing)[^/]+\.js$|node_modules\/destr\// },
  ];
  await joined.write({
    dir: stage,
    chunkFileNames: "js/[name].js",
    codeSplitting: { groups: chunks },
  });
  // In the place of those of the binaries' crates.
  const licence = readFileSync(join(root, "node_modules/destr/LICENSE"), "utf8");
  writeFileSync(join(stage, LICENCES), `js/native.js holds destr:\n\n${licence}`);
}

/** Of the program, the file that is run. */
function isEntry(file) {
  return file.startsWith("cli/") ? file === "cli/index.js" : file.includes("/");
}

function manifestIn(source) {
  return JSON.parse(readFileSync(join(source, "package.json"), "utf8"));
}

/** Leaves of a link the text, where what it leads to is not packed. */
function dropDeadLinks(stage) {
  for (const file of readdirSync(stage, { recursive: true }).filter((name) =>
    name.endsWith(".md"),
  )) {
    const path = join(stage, file);
    const text = readFileSync(path, "utf8");
    const alive = text.replace(/\[([^\]]+)\]\(([^)#]+)[^)]*\)/g, (link, label, target) =>
      /^https?:/.test(target) || existsSync(join(dirname(path), target)) ? link : label,
    );
    if (alive !== text) writeFileSync(path, alive);
  }
}

/** Packs the files that a manifest names. Those that `source` has not are the repository's, as its licence is. */
async function pack(source, manifest, change) {
  const stage = mkdtempSync(join(tmpdir(), "rustorage-pack-"));
  try {
    for (const file of [...manifest.files, "README.md", "LICENSE"]) {
      const from = [join(source, file), join(root, file)].find((path) => existsSync(path));
      if (from === undefined) throw new Error(`${manifest.name} has no ${file}: it is not built`);
      cpSync(from, join(stage, file), { recursive: true });
    }
    await change?.(stage);
    dropDeadLinks(stage);
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
