/**
 * Builds the addon and puts it where js/addon.js looks for it: `node scripts/build.js [profile [platform]]`, by default dist for
 * the platform it runs on.
 *
 * A named platform is built to be published: those of Linux by zig, which links for an old glibc, for musl,
 * and for other processors.
 */
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { GLIBC, PLATFORMS, binary, host, library } from "./platforms.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const [profile = "dist", name] = process.argv.slice(2);

const platform = name === undefined ? host() : PLATFORMS.find((known) => known.name === name);
if (platform === undefined) throw new Error(`There is no platform ${name}`);

const options = ["--profile", profile, "--lib"];
const env = { ...process.env };
if (name === undefined) {
  options.unshift("build");
} else if (platform.os === "linux") {
  const version = platform.libc === "glibc" ? `.${GLIBC}` : "";
  options.unshift("zigbuild", "--target", `${platform.target}${version}`);
  // Node is what links musl dynamically; Rust would not, and makes no library then.
  if (platform.libc === "musl") env.RUSTFLAGS = "-C target-feature=-crt-static";
} else {
  options.unshift("build", "--target", platform.target);
  // Without it, the binary needs a library of Visual C++ that not every Windows has.
  if (platform.os === "win32") env.RUSTFLAGS = "-C target-feature=+crt-static";
}

const built = spawnSync("cargo", options, { cwd: root, env, stdio: "inherit" });
if (built.error) throw built.error;
if (built.status !== 0) process.exit(built.status ?? 1);

const folder = join(root, "npm", platform.name);
mkdirSync(folder, { recursive: true });
const file = join(
  process.env.CARGO_TARGET_DIR ?? join(root, "target"),
  name === undefined ? "" : platform.target,
  profile === "dev" ? "debug" : profile,
  library(platform),
);
// By rename: a process that runs the old binary keeps it.
const destination = join(folder, binary(platform));
copyFileSync(file, `${destination}.new`);
renameSync(`${destination}.new`, destination);
