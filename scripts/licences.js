/** The licences of the crates that a binary holds, of all platforms, in one text. */
import { execFileSync } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { PLATFORMS } from "./platforms.js";

const LICENCE_FILE = /^(?:licen[cs]e|copying|unlicense|notice)/i;

/** What crates without a licence file are under: ours, but for the copyright. */
const MIT = readFileSync(new URL("../LICENSE", import.meta.url), "utf8")
  .split(/^Copyright.*\n\n/m)[1]
  .trim();

const HEADER = `Third-party licences

rustorage's binaries hold the crates below, and Rust's standard library (MIT or Apache-2.0, the Rust Project Developers). On Linux
they also hold LLVM's libunwind (Apache-2.0 with LLVM exceptions).
`;

export function licences() {
  /** By text: the crates that have it. */
  const crates = new Map();
  for (const crate of linkedCrates()) {
    const text = licenceOf(crate);
    crates.set(text, [
      ...(crates.get(text) ?? []),
      `${crate.name} ${crate.version}, ${crate.license}`,
    ]);
  }
  const line = "-".repeat(80);
  const parts = [...crates].map(([text, names]) => `${line}\n${names.join("\n")}\n\n${text}\n`);
  return [HEADER, ...parts].join("\n");
}

/** Neither what only builds nor what only tests, and no macros. */
function linkedCrates() {
  const targets = PLATFORMS.flatMap(({ target }) => ["--target", target]);
  const tree = cargo(
    "tree",
    "--edges=normal,no-proc-macro",
    "--prefix=none",
    "--format={p}",
    ...targets,
  );
  const linked = new Set(tree.split("\n").map((line) => line.split(" ", 2).join(" ")));
  const filters = PLATFORMS.flatMap(({ target }) => ["--filter-platform", target]);
  const { packages } = JSON.parse(cargo("metadata", "--format-version=1", ...filters));
  return packages
    .filter(({ name, version, source }) => source !== null && linked.has(`${name} v${version}`))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

function cargo(...args) {
  return execFileSync("cargo", args, { encoding: "utf8", maxBuffer: 2 ** 26 });
}

/** Where a crate may be used under several licences, MIT's. */
function licenceOf({ name, manifest_path: manifest, license, authors }) {
  const folder = dirname(manifest);
  const files = readdirSync(folder)
    .filter((file) => LICENCE_FILE.test(file))
    .toSorted();
  const mit = files.filter((file) => /mit/i.test(file));
  const texts = (mit.length > 0 ? mit : files).map((file) =>
    readFileSync(join(folder, file), "utf8").replaceAll("\r\n", "\n").trim(),
  );
  if (texts.length > 0) return texts.join("\n\n");
  if (!license.includes("MIT")) throw new Error(`${name} has no licence file`);
  return [`Copyright (c) ${authors.join(", ") || `the authors of ${name}`}`, MIT].join("\n\n");
}
