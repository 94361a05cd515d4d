/** Runs the parts of `make test` one after another, and prints how long each took. The first that fails ends it. */
import { spawnSync } from "node:child_process";

const cargoTest =
  spawnSync("cargo", ["nextest", "--version"]).status === 0 ? ["nextest", "run"] : ["test"];
const vitest = "node_modules/vitest/vitest.mjs";

const PARTS = [
  ["binary", process.execPath, "scripts/check-binary.js"],
  ["rustfmt", "cargo", "fmt", "--check"],
  ["clippy", "cargo", "clippy", "--all-targets", "--all-features", "--", "-D", "warnings"],
  ["Rust tests", "cargo", ...cargoTest],
  ["oxlint", "npx", "oxlint", "--deny-warnings"],
  ["oxfmt", "npx", "oxfmt", "--check"],
  ["knip", "npx", "knip"],
  ["generated files", process.execPath, "scripts/generate.js", "--check"],
  ["type tests", "npx", "tsc", "-p", "__test__/types"],
  ["declarations", "npx", "tsc", "-p", "__test__/types/tsconfig.declarations.json"],
  ...[22, 24, 26].map((version) => [
    `vitest, Node ${version}`,
    `node_modules/node${version}/bin/node`,
    vitest,
    "run",
    // Apps, and runtimes of their own, are tried once.
    "--exclude=__test__/{nitro,runtimes}/**",
  ]),
  ["vitest", process.execPath, vitest, "run", "--exclude=__test__/nitro/all/**"],
];

const times = [];
let failed = false;
for (const [name, command, ...args] of PARTS) {
  console.log(`\n── ${name}`);
  const started = performance.now();
  const { status, error } = spawnSync(command, args, { stdio: "inherit" });
  if (error) console.error(error.message);
  failed = status !== 0;
  times.push(
    `${((performance.now() - started) / 1000).toFixed(1).padStart(7)} s  ${name}${failed ? "  FAILED" : ""}`,
  );
  if (failed) break;
}
console.log(`\n${times.join("\n")}`);
process.exit(failed ? 1 : 0);
