/** Builds the addon and puts it where js/native.js looks for it: `node scripts/build.js [profile]`, by default dist. */
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const profile = process.argv[2] ?? "dist";

const LIBRARY = { linux: "librustorage.so", darwin: "librustorage.dylib", win32: "rustorage.dll" };
const SUFFIX = { linux: "-gnu", darwin: "", win32: "-msvc" };

const { platform, arch } = process;
if (!(platform in LIBRARY)) throw new Error(`rustorage is not built on ${platform}`);

const built = spawnSync("cargo", ["build", "--profile", profile, "--lib"], {
  cwd: root,
  stdio: "inherit",
});
if (built.error) throw built.error;
if (built.status !== 0) process.exit(built.status ?? 1);

const name = `${platform}-${arch}${SUFFIX[platform]}`;
const target = process.env.CARGO_TARGET_DIR ?? join(root, "target");
const folder = join(root, "npm", name);
mkdirSync(folder, { recursive: true });
// By rename: a process that runs the old binary keeps it.
const binary = join(folder, `rustorage.${name}.node`);
copyFileSync(
  join(target, profile === "dev" ? "debug" : profile, LIBRARY[platform]),
  `${binary}.new`,
);
renameSync(`${binary}.new`, binary);
