/**
 * Checks what binaries are like: `node scripts/check-binary.js [PLATFORM …]`, by default that of the platform it runs on.
 *
 * Which glibc a binary needs is asked of named platforms only, which are built to be published (scripts/build.js); a build for
 * the machine itself may need that machine's.
 */
import { execFileSync } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { GLIBC, PLATFORMS, binary, host } from "./platforms.js";

process.chdir(fileURLToPath(new URL("..", import.meta.url)));

/** What a server's image and a function's upload have to bear. It is 9.7 MB now, 2.7 of them for HTTP, 2.3 for SQLite and LMDB; raise it in the commit that needs more, and say why. */
const MOST_BYTES = 12_000_000;

/** The C library and its parts, as older ones have them, and what unwinds. */
const LIBRARIES = {
  glibc: /^(?:libc\.so\.6|libm\.so\.6|libgcc_s\.so\.1|libpthread\.so\.0|libdl\.so\.2|ld-linux-.+)$/,
  musl: /^libc\.so$/,
  win32:
    /^(?:advapi32|api-ms-win-.+|bcrypt|bcryptprimitives|crypt32|iphlpapi|kernel32|ntdll|ole32|secur32|shell32|user32|userenv|ws2_32)\.dll$/i,
  darwin: /^\/(?:usr\/lib\/lib(?:System|iconv|objc)\..+|System\/Library\/Frameworks\/.+)$/,
};

/** Crates that bring C libraries which we have in Rust, or two of one thing. */
const UNWANTED = ["aws-lc-sys", "openssl-sys"];

const NEEDED = { linux: neededOnLinux, darwin: neededOnMacOS, win32: neededOnWindows };

const names = process.argv.slice(2);
const platforms =
  names.length > 0 ? PLATFORMS.filter(({ name }) => names.includes(name)) : [host()];
const problems = [];
if (platforms.length < names.length) problems.push(`There are no platforms ${names.join(", ")}`);

for (const platform of platforms) {
  const path = join("npm", platform.name, binary(platform));
  const { size } = statSync(path);
  if (size > MOST_BYTES) problems.push(`${path} has ${size} bytes; ${MOST_BYTES} are allowed`);

  const needed = NEEDED[platform.os](path);
  const allowed = LIBRARIES[platform.libc ?? platform.os];
  const foreign = needed.filter((library) => !allowed.test(library));
  if (foreign.length > 0) problems.push(`${path} needs ${foreign.join(", ")}`);

  const glibc = platform.libc === "glibc" ? newestGlibc(path) : undefined;
  if (names.length > 0 && glibc && isNewer(glibc, GLIBC)) {
    problems.push(`${path} needs glibc ${glibc}; ${GLIBC} is allowed`);
  }
  console.log(
    `${path}: ${size} bytes; needs ${needed.join(", ")}${glibc ? `; glibc ${glibc}` : ""}`,
  );
}

const crates = [...readFileSync("Cargo.lock", "utf8").matchAll(/^name = "(.+)"$/gm)];
for (const [, name] of crates) if (UNWANTED.includes(name)) problems.push(`${name} is linked`);

for (const problem of problems) console.error(problem);
process.exitCode = problems.length > 0 ? 1 : 0;

function neededOnLinux(path) {
  const dynamic = execFileSync("readelf", ["--dynamic", "--wide", path], { encoding: "utf8" });
  return [...dynamic.matchAll(/\(NEEDED\).*\[(.+)\]/g)].map(([, library]) => library);
}

function neededOnMacOS(path) {
  const libraries = execFileSync("otool", ["-L", path], { encoding: "utf8" });
  // The first is the library's own name.
  return [...libraries.matchAll(/^\t(\S+) \(/gm)].map(([, library]) => library).slice(1);
}

/** Read here: the objdump of a runner for x64 does not know what is for arm64. */
function neededOnWindows(path) {
  const file = readFileSync(path);
  const header = file.readUInt32LE(0x3c);
  const optional = header + 24;
  const sections = Array.from({ length: file.readUInt16LE(header + 6) }, (_, index) => {
    const section = optional + file.readUInt16LE(header + 20) + index * 40;
    const [size, address, , start] = [8, 12, 16, 20].map((at) => file.readUInt32LE(section + at));
    return { size, address, start };
  });
  const place = (wanted) => {
    const { address, start } = sections.find(
      (section) => wanted >= section.address && wanted < section.address + section.size,
    );
    return wanted - address + start;
  };
  const names = [];
  // The table of imports is the second of those that a 64-bit header lists; an entry without a name ends it.
  for (let entry = place(file.readUInt32LE(optional + 120)); ; entry += 20) {
    const name = file.readUInt32LE(entry + 12);
    if (name === 0) return names;
    names.push(file.toString("latin1", place(name), file.indexOf(0, place(name))));
  }
}

function newestGlibc(path) {
  const versions = execFileSync("readelf", ["--version-info", "--wide", path], {
    encoding: "utf8",
  });
  const found = [...versions.matchAll(/GLIBC_([\d.]+)/g)].map(([, version]) => version);
  return found.reduce((newest, version) => (isNewer(version, newest) ? version : newest));
}

function isNewer(version, than) {
  return version.localeCompare(than, "en", { numeric: true }) > 0;
}
