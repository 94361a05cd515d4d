/**
 * Finds and loads the addon, or says why there is none and what to do.
 *
 * By a synchronous `require`, as the package can be required itself. Bundlers that inline this file leave alone what was made
 * by `createRequire`; in what they make as CommonJS there is no `import.meta.url`.
 */
import { createRequire } from "node:module";
import { dirname, resolve } from "node:path";

const VERSION = "0.1.0";

const require = createRequire(import.meta.url ?? __filename);

/** What to do, by what dlopen says. */
const ADVICE = [
  [
    /version `GLIBC_/,
    "The system's glibc is older than 2.28, which is what the binary needs. Use a newer system (Debian 10, RHEL 8, Ubuntu 20.04 or later), or build from source on this one.",
  ],
  [
    /ld-linux|ld-musl|libc\.so|relocating|symbol not found/,
    "The package is for another libc than this system's. Install on this system, or with npm install --libc=glibc or --libc=musl.",
  ],
  // Before those that are not there: the system cannot open either.
  [
    /failed to map segment|not permitted|Permission denied/,
    "The process may not read the file, the folder is mounted noexec, or a policy forbids to run what lies there. Check its owner and mode, or install elsewhere.",
  ],
  [
    /cannot open shared object file|Error loading shared library|Library not loaded|specified module could not be found/,
    "The system lacks that library. Install it, or use an image that has it.",
  ],
  [
    /--allow-ffi/,
    "Start Deno with --allow-ffi, and with --allow-read and --allow-env for what rustorage reads.",
  ],
  [
    /ELF|file too short|cannot read file data|mach-o|incompatible architecture|not a valid Win32 application/i,
    "The file is damaged, or for another processor or libc. Remove node_modules, and install again on this system.",
  ],
];

export const addon = load();

function load() {
  const path = process.env.RUSTORAGE_LIBRARY_PATH;
  // Who names a binary wants that one and no other.
  const places = path ? [[path, () => require(resolve(path))]] : candidates();
  const problems = [];
  for (const [place, get] of places) {
    let found;
    try {
      found = get();
    } catch (error) {
      problems.push({ place, error });
      continue;
    }
    if (found?.version !== VERSION) throw mismatch(path, place, found?.version);
    return found;
  }
  throw problems.every(({ error }) => isMissing(error))
    ? notFound(path, problems)
    : notLoaded(problems.find(({ error }) => !isMissing(error)));
}

/**
 * The platform's package first, then a checkout's own binary: two that are not there took a twentieth of an import. The names are literal, so that tracers find
 * them. Which libc there is shows in which package is installed; asking for it takes longer than loading the addon.
 */
function candidates() {
  switch (`${process.platform} ${process.arch}`) {
    case "linux x64":
      return [
        ["@rustorage/linux-x64-gnu", () => require("@rustorage/linux-x64-gnu")],
        ["@rustorage/linux-x64-musl", () => require("@rustorage/linux-x64-musl")],
        ["npm/linux-x64-gnu", () => require("../npm/linux-x64-gnu/rustorage.linux-x64-gnu.node")],
        [
          "npm/linux-x64-musl",
          () => require("../npm/linux-x64-musl/rustorage.linux-x64-musl.node"),
        ],
      ];
    case "linux arm64":
      return [
        ["@rustorage/linux-arm64-gnu", () => require("@rustorage/linux-arm64-gnu")],
        ["@rustorage/linux-arm64-musl", () => require("@rustorage/linux-arm64-musl")],
        [
          "npm/linux-arm64-gnu",
          () => require("../npm/linux-arm64-gnu/rustorage.linux-arm64-gnu.node"),
        ],
        [
          "npm/linux-arm64-musl",
          () => require("../npm/linux-arm64-musl/rustorage.linux-arm64-musl.node"),
        ],
      ];
    case "darwin x64":
      return [
        ["@rustorage/darwin-x64", () => require("@rustorage/darwin-x64")],
        ["npm/darwin-x64", () => require("../npm/darwin-x64/rustorage.darwin-x64.node")],
      ];
    case "darwin arm64":
      return [
        ["@rustorage/darwin-arm64", () => require("@rustorage/darwin-arm64")],
        ["npm/darwin-arm64", () => require("../npm/darwin-arm64/rustorage.darwin-arm64.node")],
      ];
    case "win32 x64":
      return [
        ["@rustorage/win32-x64", () => require("@rustorage/win32-x64")],
        ["npm/win32-x64", () => require("../npm/win32-x64/rustorage.win32-x64.node")],
      ];
    case "win32 arm64":
      return [
        ["@rustorage/win32-arm64", () => require("@rustorage/win32-arm64")],
        ["npm/win32-arm64", () => require("../npm/win32-arm64/rustorage.win32-arm64.node")],
      ];
    default:
      return [];
  }
}

function isMissing(error) {
  return error.code === "MODULE_NOT_FOUND";
}

function notFound(path, problems) {
  const { platform, arch } = process;
  if (path) {
    const advice =
      "RUSTORAGE_LIBRARY_PATH names it. Unset, the package for this platform is loaded.";
    return addonError(
      "ADDON_NOT_FOUND",
      `There is no binary ${resolve(path)}`,
      advice,
      problems[0].error,
    );
  }
  if (problems.length === 0) {
    const advice =
      "Linux, macOS and Windows on x64 and arm64 have one. docs/install.md tells how to build one.";
    return addonError("ADDON_NOT_FOUND", `There is no binary for ${platform} ${arch}`, advice);
  }
  const packages = problems.filter(({ place }) => place.startsWith("@"));
  const emptied = packages.find((problem) => isInstalled(problem.place));
  if (emptied) return withoutBinary(emptied);
  const libc = platform === "linux" ? libcName() : undefined;
  const { place, error } = packages[libc === "musl" ? 1 : 0];
  const flags = `--os=${platform} --cpu=${arch}${libc ? ` --libc=${libc}` : ""}`;
  return addonError(
    "ADDON_NOT_FOUND",
    `The package ${place} is not installed`,
    `It is an optional dependency of rustorage, with the binary for this platform.
- Installed without optional dependencies (--omit=optional, --no-optional)? Install with them.
- Installed on another system, or in another stage of a container? Run npm install ${flags}
- A lockfile from another system? npm may leave the package out then: remove node_modules and package-lock.json, and install again.
- Bundled? Keep rustorage external, so that its packages stay beside it.
- A checkout? Run make build.`,
    error,
  );
}

function isInstalled(name) {
  try {
    return require.resolve(`${name}/package.json`) !== "";
  } catch {
    return false;
  }
}

function withoutBinary({ place, error }) {
  const folder = dirname(require.resolve(`${place}/package.json`));
  const file = `rustorage.${place.slice("@rustorage/".length)}.node`;
  return addonError(
    "ADDON_NOT_FOUND",
    `The package ${place} is installed, and its file ${file} is missing from ${folder}`,
    `Something removed the file, or left it out of a copy:
- A build, an image or an archive that copies JavaScript alone? Copy the file, too (.dockerignore, COPY, .vercelignore, a cleaner of node_modules).
- An installation that was interrupted, or a virus scanner? Remove node_modules, and install again.`,
    error,
  );
}

function notLoaded({ place, error }) {
  // What the dynamic linker says stands in the first line; Node puts what requires what below.
  const words = error.message.split("\n")[0].replace(/\.$/, "");
  return addonError(
    "ADDON_NOT_LOADED",
    `${place} cannot be loaded: ${words}`,
    advise(error),
    error,
  );
}

function advise(error) {
  // Node took the file for JavaScript.
  if (error instanceof SyntaxError) {
    return "The name of the binary in RUSTORAGE_LIBRARY_PATH has to end in .node.";
  }
  if (error.code === "ERR_DLOPEN_DISABLED") {
    return "Start Node without --no-addons; under its permission model, with --allow-addons.";
  }
  const found = ADVICE.find(([pattern]) => pattern.test(error.message));
  return found ? found[1] : "docs/install.md tells how to build from source.";
}

function mismatch(path, place, version = "another version") {
  return addonError(
    "ADDON_MISMATCH",
    `rustorage ${VERSION} found in ${place} the binary of ${version}`,
    path
      ? "RUSTORAGE_LIBRARY_PATH names it: it has to be a binary of rustorage, of the same version."
      : "Both have to have one version: remove node_modules and the lockfile's entries of rustorage, and install again. In a checkout, run make build.",
  );
}

function addonError(code, message, advice, cause) {
  const error = new Error(`[rustorage] ${message}.\n${advice}`, cause && { cause });
  return Object.assign(error, { code });
}

/** The libc that Node runs on. Asked only when something is wrong: the report takes a while. */
function libcName() {
  return process.report?.getReport().header.glibcVersionRuntime ? "glibc" : "musl";
}
