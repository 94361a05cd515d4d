/** That the addon is found wherever the package runs, and that an error tells what is wrong and what to do. */
import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { build } from "esbuild";
import { rolldown } from "rolldown";
import { rollup } from "rollup";
import { describe, expect, onTestFinished, test } from "vitest";
import { PLATFORMS, binary, host } from "../../scripts/platforms.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const platform = host();
const builtBinary = join(root, "npm", platform.name, binary(platform));
const packageName = `@rustorage/${platform.name}`;

/** An app with rustorage as it is published, and of its platform's package the files given. */
function app(files) {
  const folder = mkdtempSync(join(tmpdir(), "rustorage-app-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const modules = join(folder, "node_modules");
  for (const file of ["index.js", "js", "package.json"]) {
    cpSync(join(root, file), join(modules, "rustorage", file), { recursive: true });
  }
  cpSync(join(root, "node_modules/destr"), join(modules, "destr"), { recursive: true });
  for (const [name, content] of Object.entries(files)) {
    const path = join(modules, packageName, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
  }
  return folder;
}

function manifest() {
  return readFileSync(join(root, "npm", platform.name, "package.json"));
}

/** Runs a program in an app and gives what it prints. */
async function run(folder, program, { flags = [], env = {}, file = "program.mjs" } = {}) {
  writeFileSync(join(folder, file), program);
  const options = { cwd: folder, env: { ...process.env, ...env } };
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, file], options);
  return stdout;
}

/** The error that importing rustorage throws there. */
async function failureIn(folder, { before = "", ...options } = {}) {
  const program = `${before}
    const error = await import("rustorage").catch((reason) => reason);
    console.log(JSON.stringify({ code: error.code, message: error.message, cause: error.cause?.message }));`;
  return JSON.parse(await run(folder, program, options));
}

/** A program that works only with the addon. */
const PROGRAM = `
  const storage = createStorage();
  storage.setItem("a", 1).then(() => storage.getItem("a")).then((value) => console.log(value));`;

const BUNDLERS = [
  ["rollup", "esm", byRollup],
  ["rollup", "cjs", byRollup],
  ["rolldown", "esm", byRolldown],
  ["rolldown", "cjs", byRolldown],
  ["esbuild", "esm", byEsbuild],
  ["esbuild", "cjs", byEsbuild],
];

async function byRollup(input, format) {
  const bundle = await rollup({ input, plugins: [resolvePackages], external: /^node:/ });
  return (await bundle.generate({ format })).output[0].code;
}

/** rollup resolves no packages by itself. */
const resolvePackages = {
  name: "packages",
  resolveId(id, importer) {
    if (id === "destr") return join(dirname(importer), "../../destr/dist/index.mjs");
    return id === "rustorage" ? createRequire(importer).resolve(id) : null;
  },
};

async function byRolldown(input, format) {
  const bundle = await rolldown({ input, platform: "node" });
  return (await bundle.generate({ format })).output[0].code;
}

async function byEsbuild(entry, format) {
  const options = { bundle: true, platform: "node", format, write: false, logLevel: "error" };
  return (await build({ entryPoints: [entry], ...options })).outputFiles[0].text;
}

describe("with the platform's package", () => {
  const files = () => ({
    "package.json": manifest(),
    [binary(platform)]: readFileSync(builtBinary),
  });

  test("import finds it", async () => {
    const program = `import { createStorage } from "rustorage"; ${PROGRAM}`;
    expect(await run(app(files()), program)).toBe("1\n");
  });

  test("a worker finds it", async () => {
    const folder = app(files());
    writeFileSync(
      join(folder, "worker.mjs"),
      `import { createStorage } from "rustorage"; ${PROGRAM}`,
    );
    const program = `import { Worker } from "node:worker_threads"; new Worker("./worker.mjs");`;
    expect(await run(folder, program)).toBe("1\n");
  });

  test("require finds it", async () => {
    const program = `const { createStorage } = require("rustorage"); ${PROGRAM}`;
    expect(await run(app(files()), program, { file: "program.cjs" })).toBe("1\n");
  });

  test.each(BUNDLERS)("a bundle by %s as %s finds it", async (_, format, bundle) => {
    const folder = app(files());
    const entry = join(folder, "entry.mjs");
    writeFileSync(entry, `import { createStorage } from "rustorage"; ${PROGRAM}`);
    const code = await bundle(entry, format);
    expect(code).toContain("ADDON_NOT_FOUND");
    // Only the binary is left to be found.
    rmSync(join(folder, "node_modules/rustorage"), { recursive: true });
    const file = format === "cjs" ? "program.cjs" : "program.mjs";
    expect(await run(folder, code, { file })).toBe("1\n");
  });

  test("a binary of another version is refused", async () => {
    const folder = app(files());
    const path = join(folder, "node_modules/rustorage/js/addon.js");
    const code = readFileSync(path, "utf8");
    writeFileSync(path, code.replace(/^const VERSION = .*$/m, 'const VERSION = "99.0.0";'));
    const { code: what, message } = await failureIn(folder);
    expect(what).toBe("ADDON_MISMATCH");
    expect(message).toContain(`rustorage 99.0.0 found in ${packageName} the binary of `);
  });

  test("addons that Node was told to refuse", async () => {
    const failure = await failureIn(app(files()), { flags: ["--no-addons"] });
    expect(failure.code).toBe("ADDON_NOT_LOADED");
    expect(failure.message).toMatch(/disabled\.\nStart Node without --no-addons/);
  });
});

describe("RUSTORAGE_LIBRARY_PATH", () => {
  test("names the binary, also by a relative path", async () => {
    const folder = app({});
    cpSync(builtBinary, join(folder, "mine.node"));
    const program = `import { createStorage } from "rustorage"; ${PROGRAM}`;
    const env = { RUSTORAGE_LIBRARY_PATH: "mine.node" };
    expect(await run(folder, program, { env })).toBe("1\n");
  });

  test("is not passed over when there is nothing", async () => {
    const folder = app({
      "package.json": manifest(),
      [binary(platform)]: readFileSync(builtBinary),
    });
    const failure = await failureIn(folder, { env: { RUSTORAGE_LIBRARY_PATH: "none.node" } });
    expect(failure.code).toBe("ADDON_NOT_FOUND");
    expect(failure.message).toContain(join(folder, "none.node"));
    expect(failure.message).toContain("RUSTORAGE_LIBRARY_PATH");
  });
});

test.each([
  ["without .node at its end", "mine", "const", "ADDON_NOT_LOADED", "has to end in .node"],
  ["that is another module", "mine.cjs", "", "ADDON_MISMATCH", "RUSTORAGE_LIBRARY_PATH names it"],
  ["that holds nothing", "mine.json", "null", "ADDON_MISMATCH", "RUSTORAGE_LIBRARY_PATH names it"],
])("RUSTORAGE_LIBRARY_PATH with a file %s is what the error speaks of", async (...args) => {
  const [, file, content, code, advice] = args;
  const folder = app({});
  writeFileSync(join(folder, file), content);
  const failure = await failureIn(folder, { env: { RUSTORAGE_LIBRARY_PATH: file } });
  expect(failure.code).toBe(code);
  expect(failure.message).toContain(advice);
  expect(failure.message).not.toContain("node_modules");
});

test("without the platform's package, the error names it and the command that installs it", async () => {
  const failure = await failureIn(app({}));
  expect(failure.code).toBe("ADDON_NOT_FOUND");
  expect(failure.message).toContain(`The package ${packageName} is not installed`);
  const { os, cpu, libc } = platform;
  const flags = `--os=${os} --cpu=${cpu}${libc ? ` --libc=${libc}` : ""}`;
  expect(failure.message).toContain(`npm install ${flags}\n`);
  expect(failure.cause).toContain(`Cannot find module '${packageName}'`);
});

test("where the package is there without its binary, the error says so", async () => {
  const folder = app({ "package.json": manifest() });
  const failure = await failureIn(folder);
  expect(failure.code).toBe("ADDON_NOT_FOUND");
  expect(failure.message).toContain(
    `The package ${packageName} is installed, and its file ${binary(platform)} is missing from `,
  );
  expect(failure.message).toContain(join(folder, "node_modules", packageName));
  expect(failure.message).not.toContain("--os=");
});

test("a platform without a binary is told so", async () => {
  const before = `Object.defineProperty(process, "platform", { value: "sunos" });`;
  const failure = await failureIn(app({}), { before });
  expect(failure.code).toBe("ADDON_NOT_FOUND");
  expect(failure.message).toContain(`There is no binary for sunos ${process.arch}`);
});

/** What dlopen says of binaries that do not fit, and what the error advises. */
const UNFIT = [
  [
    "needs a newer glibc",
    /GLIBC_2\.(\d\d)\0/,
    "GLIBC_9.$1\0",
    /version `GLIBC_9\.\d\d' not found/,
    "older than 2.28",
  ],
  [
    "needs a library",
    /\0libc\.so\.6\0/,
    "\0libX.so.6\0",
    /libX\.so\.6: cannot open shared object/,
    "lacks that library",
  ],
  [
    "is for another libc",
    /\0libc\.so\.6\0/,
    "\0libc.so.9\0",
    /libc\.so\.9: cannot open/,
    "another libc",
  ],
  ["is damaged", /^\x7fELF/, "\x7fEL_", /invalid ELF header/, "is damaged"],
  ["was cut off", /^([^]{100})[^]*$/, "$1", /cannot read file data/, "is damaged"],
];

test.each(UNFIT)("a binary that %s", async (_, pattern, replacement, words, advice) => {
  const original = readFileSync(builtBinary, "latin1");
  const patched = original.replace(pattern, replacement);
  expect(patched).not.toBe(original);
  const files = { "package.json": manifest(), [binary(platform)]: Buffer.from(patched, "latin1") };
  const failure = await failureIn(app(files));
  expect(failure.code).toBe("ADDON_NOT_LOADED");
  expect(failure.message).toContain(`${packageName} cannot be loaded: `);
  expect(failure.message).toMatch(words);
  expect(failure.message).toContain(advice);
  expect(failure.cause).toMatch(words);
});

test.each([
  ["cannot open shared object file: Permission denied", "may not read the file"],
  ["failed to map segment from shared object: Operation not permitted", "mounted noexec"],
  ["Requires ffi access to it, run again with the --allow-ffi flag", "Start Deno with --allow-ffi"],
])("where the system says: %s", async (words, advice) => {
  const before = `import module from "node:module"; module._extensions[".node"] = () => { throw new Error(${JSON.stringify(words)}); };`;
  const files = { "package.json": manifest(), [binary(platform)]: "" };
  const failure = await failureIn(app(files), { before });
  expect(failure.code).toBe("ADDON_NOT_LOADED");
  expect(failure.message).toContain(`cannot be loaded: ${words}.\n`);
  expect(failure.message).toContain(advice);
});

test("every platform's package is named literally, and no other", () => {
  const code = readFileSync(join(root, "js/addon.js"), "utf8");
  const named = [...code.matchAll(/require\("@rustorage\/([^"]+)"\)/g)].map(([, name]) => name);
  expect(named.toSorted()).toEqual(PLATFORMS.map(({ name }) => name).toSorted());
  const own = [...code.matchAll(/require\("\.\.\/npm\/([^"]+)"\)/g)].map(([, path]) => path);
  expect(own.toSorted()).toEqual(
    PLATFORMS.map((known) => `${known.name}/${binary(known)}`).toSorted(),
  );
});
