/** The licences of the crates that a binary holds, of all platforms, in one text. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { PLATFORMS } from "./platforms.js";

const LICENCE_FILE = /^(?:licen[cs]e|copying|copyright|unlicense|notice)/i;

/** What crates without a licence file are under: ours, but for the copyright. */
const MIT = readFileSync(new URL("../LICENSE", import.meta.url), "utf8")
  .split(/^Copyright.*\n\n/m)[1]
  .trim();

/** Where crates keep C sources of others, whose licence holds for these. */
const SOURCES = { "lmdb-master-sys": "lmdb/libraries/liblmdb" };

const HEADER = `Third-party licences

rustorage's binaries hold the crates below, and Rust's standard library (MIT or Apache-2.0, the Rust Project Developers). On Linux
they also hold LLVM's libunwind (Apache-2.0 with LLVM exceptions). SQLite, which libsqlite3-sys brings, is in the public domain.
`;

export function licences() {
  /** By text: the crates that have it. */
  const crates = new Map();
  const linked = linkedCrates();
  const apache = apacheOf(linked);
  for (const crate of linked) {
    const text = licenceOf(crate, apache, linked);
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

/** The Apache licence, as one of the crates has it. */
function apacheOf(crates) {
  const files = crates.map((crate) => join(dirname(crate.manifest_path), "LICENSE-APACHE"));
  return text(files.find((file) => existsSync(file)));
}

/** Where a crate may be used under several licences, MIT's; where it has none, that of another crate from its repository. */
function licenceOf(
  { name, manifest_path: manifest, license, authors, repository },
  apache,
  crates,
) {
  const folder = dirname(manifest);
  const files = licenceFiles(folder);
  const mit = files.filter((file) => /mit/i.test(basename(file)));
  const own = (mit.length > 0 ? mit : files).map(text);
  if (own.length === 0 && license.includes("MIT")) {
    own.push(`Copyright (c) ${authors.join(", ") || `the authors of ${name}`}`, MIT);
  }
  if (own.length === 0 && license === "Apache-2.0") own.push(apache);
  if (own.length === 0) own.push(...licenceOfSibling(license, repository, crates));
  if (own.length === 0) throw new Error(`${name} has no licence file`);
  const sources = SOURCES[name] === undefined ? [] : licenceFiles(join(folder, SOURCES[name]));
  return [...own, ...sources.map(text)].join("\n\n");
}

function licenceOfSibling(license, repository, crates) {
  const siblings = crates.filter((one) => one.license === license && one.repository === repository);
  const files = siblings.map((one) => licenceFiles(dirname(one.manifest_path)));
  return (files.find((found) => found.length > 0) ?? []).map(text);
}

function licenceFiles(folder) {
  const files = readdirSync(folder).filter((file) => LICENCE_FILE.test(file));
  return files.toSorted().map((file) => join(folder, file));
}

function text(file) {
  return readFileSync(file, "utf8").replaceAll("\r\n", "\n").trim();
}
