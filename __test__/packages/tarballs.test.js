/** What is published: the files of each tarball, what lints say of it, its types, and that it works where it is installed. */
import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { publint } from "publint";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { PLATFORMS, binary, host } from "../../scripts/platforms.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const platform = host();
const folder = mkdtempSync(join(tmpdir(), "rustorage-tarballs-"));
const app = join(folder, "app");
const installed = join(app, "node_modules/rustorage");

let tarballs;

function run(command, args, cwd = root) {
  return execFileSync(command, args, { cwd, encoding: "utf8" });
}

function json(path) {
  return JSON.parse(readFileSync(path, "utf8"));
}

beforeAll(() => {
  tarballs = run("node", ["scripts/pack.js", folder, platform.name]).trim().split("\n");
  mkdirSync(app);
  writeFileSync(join(app, "package.json"), `{ "name": "app", "private": true }`);
  run("npm", ["install", "--no-audit", "--no-fund", ...tarballs], app);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function files(tarball) {
  return run("tar", ["-tzf", tarball])
    .trim()
    .split("\n")
    .map((path) => path.replace(/^package\//, ""))
    .toSorted();
}

describe("the tarball of rustorage", () => {
  /** A module that only others here import. Such modules are joined. */
  const isInner = (path) =>
    /^js\/(?:cli\/)?[^/]+\.js$/.test(path) && !["js/tracing.js", "js/cli/index.js"].includes(path);

  const tracked = () =>
    run("git", [
      "ls-files",
      "index.js",
      "index.d.ts",
      "js",
      "docs",
      "README.md",
      "CHANGELOG.md",
      "SECURITY.md",
    ])
      .trim()
      .split("\n");

  test("holds what is imported by name, types, documentation, and nothing else", () => {
    const kept = tracked().filter((path) => !isInner(path));
    for (const path of kept) expect(path).toMatch(/\.(?:js|d\.ts|md)$/);
    expect(files(tarballs[0]).filter((path) => !isInner(path))).toEqual(
      ["LICENSE", "THIRD-PARTY-LICENSES.txt", "package.json", ...kept].toSorted(),
    );
  });

  test("has no link that leads nowhere", () => {
    const documents = readdirSync(installed, { recursive: true }).filter((path) =>
      path.endsWith(".md"),
    );
    const links = documents.flatMap((path) => {
      const text = readFileSync(join(installed, path), "utf8");
      const targets = [...text.matchAll(/\]\(([^)#]+)[^)]*\)/g)].map(([, target]) => target);
      return targets.map((target) => ({ path, target }));
    });
    const inside = links.filter(({ target }) => !/^https?:/.test(target));
    expect(inside).toContainEqual({ path: "README.md", target: "docs/install.md" });
    for (const { path, target } of inside) {
      const led = join(installed, dirname(path), target);
      expect(existsSync(led), `${path}: ${target}`).toBe(true);
    }
  });

  test("holds the inner modules in fewer files", () => {
    const inner = files(tarballs[0]).filter(isInner);
    expect(inner.length).toBeLessThan(tracked().filter(isInner).length / 2);
  });

  test("holds destr, with its licence", () => {
    const licence = readFileSync(join(installed, "THIRD-PARTY-LICENSES.txt"), "utf8");
    expect(licence).toContain("js/native.js holds destr");
    expect(licence).toMatch(/Copyright \(c\) Pooya Parsa[^]*WITHOUT WARRANTY OF ANY KIND/);
    expect(readFileSync(join(installed, "js/native.js"), "utf8")).toContain("function destr(");
  });

  test("needs the platforms' packages of its version, and nothing else", () => {
    const { version, private: isPrivate, ...published } = json(join(installed, "package.json"));
    expect(isPrivate).toBe(undefined);
    expect(published).not.toHaveProperty("dependencies");
    expect(published.optionalDependencies).toEqual({ [`@rustorage/${platform.name}`]: version });
    expect(published).not.toHaveProperty("devDependencies");
    // For drivers that are not native.
    expect(Object.keys(published.peerDependencies)).toEqual(["unstorage"]);
    expect(published.peerDependenciesMeta).toEqual({ unstorage: { optional: true } });
    expect(published).not.toHaveProperty("scripts");
  });
});

test("the tarball of a platform holds its binary, and the licences of what is linked into it", () => {
  expect(files(tarballs[1])).toEqual(
    [
      "LICENSE",
      "README.md",
      "THIRD-PARTY-LICENSES.txt",
      "package.json",
      binary(platform),
    ].toSorted(),
  );
});

test.each(PLATFORMS)("npm installs $name only where it runs", (known) => {
  const { version, main, exports, os, cpu, libc } = json(
    join(root, "npm", known.name, "package.json"),
  );
  expect({ version, main, exports }).toEqual({
    version: json(join(root, "package.json")).version,
    main: binary(known),
    exports: undefined,
  });
  const [system, processor, abi] = known.name.split("-");
  expect([os, cpu]).toEqual([[system], [processor]]);
  expect(libc).toEqual({ gnu: ["glibc"], musl: ["musl"] }[abi]);
});

test("the program runs where the package is installed", () => {
  const rustorage = join(app, "node_modules/.bin/rustorage");
  run(rustorage, ["set", "lmdb:./items.lmdb", "a:b", "text"], app);
  run(rustorage, ["copy", "lmdb:./items.lmdb", "sqlite:./items.sqlite"], app);
  expect(run(rustorage, ["get", "sqlite:./items.sqlite", "a:b"], app)).toBe("text");
});

test("an import does not load node:util, which brings worker threads and streams along", () => {
  const program =
    "import { createStorage } from 'rustorage'; console.log(typeof createStorage, process.moduleLoadList.join('\\n'))";
  const loaded = run(process.execPath, ["--input-type=module", "--eval", program], app);
  expect(loaded).toMatch(/^function /);
  // What node:util loads and nothing else here.
  expect(loaded).not.toContain("internal/util/parse_args/parse_args");
});

test("a release builds, tests and publishes every platform", () => {
  const workflow = readFileSync(join(root, ".github/workflows/release.yml"), "utf8");
  for (const { name, target } of PLATFORMS) {
    const entries = workflow.match(new RegExp(`platform: ${name}, .*`, "g"));
    expect(entries).toHaveLength(2);
    expect(entries[0]).toContain(`target: ${target} }`);
  }
  const tests = [...workflow.matchAll(/vitest run ([^"\n]+)/g)].flatMap(([, files]) =>
    files.split(" "),
  );
  const named = tests.filter((file) => file.startsWith("__test__/"));
  expect(named).not.toEqual([]);
  expect(named.filter((file) => !existsSync(join(root, file)))).toEqual([]);
  const [, packed] = workflow.match(/scripts\/pack\.js tarballs (.+)/);
  expect(packed.split(" ")).toEqual(PLATFORMS.map(({ name }) => name));
});

test.each(["rustorage", `@rustorage/${platform.name}`])(
  "publint finds nothing in %s",
  async (name) => {
    const pkgDir = join(app, "node_modules", name);
    const { messages } = await publint({ pkgDir, level: "suggestion", strict: true, pack: false });
    expect(messages).toEqual([]);
  },
);

test.each([
  ["node16", "node16", "mts"],
  ["nodenext", "nodenext", "mts"],
  ["nodenext", "nodenext", "cts"],
  ["esnext", "bundler", "ts"],
])(
  "types resolve with module %s, resolution %s, in a .%s file",
  (module, resolution, extension) => {
    const file = `types-${module}.${extension}`;
    writeFileSync(
      join(app, file),
      `import { createStorage, useStorage, type Storage } from "rustorage";
import fs from "rustorage/drivers/fs";
import memory, { type MemoryOptions } from "rustorage/drivers/memory";
import kvBinding from "rustorage/drivers/cloudflare-kv-binding";
import nitro from "rustorage/nitro";
import { createStorageHandler } from "rustorage/server";
import { withTracing, type TraceContext } from "rustorage/tracing";
export const storage: Storage<string> = createStorage<string>({ driver: fs({ base: "data" }) });
export const value: Promise<string | null> = storage.getItem("a");
export const options: MemoryOptions = { maxEntries: 1 };
export const name: string = nitro.name;
storage.mount("memory", memory(options));
storage.mount("kv", kvBinding({ binding: "KV" }));
useStorage("a").setItem("b", 1);
export const traced: Storage<string> = withTracing(storage);
export const keys = ({ keys }: TraceContext): string[] => keys;
export const answer: Promise<Response> = createStorageHandler(storage)(new Request("http://a/b"));
// @ts-expect-error It takes a number.
memory({ maxEntries: "1" });
`,
    );
    const options = ["--noEmit", "--strict", "--target", "es2023", "--skipLibCheck", "false"];
    const types = ["--lib", "es2023,dom,dom.iterable", "--types", ""];
    const modules = ["--module", module, "--moduleResolution", resolution];
    const tsc = join(root, "node_modules/.bin/tsc");
    expect(run(tsc, [file, ...options, ...types, ...modules], app)).toBe("");
  },
);

test.each([
  [
    "import",
    "program.mjs",
    `import { createStorage } from "rustorage"; import fs from "rustorage/drivers/fs";
    import { createStorageHandler } from "rustorage/server"; import { withTracing } from "rustorage/tracing";`,
  ],
  [
    "require",
    "program.cjs",
    `const { createStorage } = require("rustorage"); const fs = require("rustorage/drivers/fs");
    const { createStorageHandler } = require("rustorage/server"); const { withTracing } = require("rustorage/tracing");`,
  ],
])("installed from tarballs, it works by %s", (_, file, head) => {
  writeFileSync(
    join(app, file),
    `${head}
    const storage = withTracing(createStorage({ driver: fs({ base: "data" }) }));
    storage.setItem("a:b", { c: 1 }).then(async () => {
      const handle = createStorageHandler(storage, { authorize() {} });
      const served = await (await handle(new Request("http://localhost/a/b"))).json();
      console.log(JSON.stringify([await storage.getItem("a:b"), await storage.getKeys(), served]));
    });`,
  );
  expect(run(process.execPath, [file], app)).toBe(`[{"c":1},["a:b"],{"c":1}]\n`);
});

test("a driver that is unstorage's says what to install", () => {
  const program = `
    import mongodb from "rustorage/drivers/mongodb";
    try { mongodb({}); } catch ({ code, message }) { console.log(code, message); }
  `;
  writeFileSync(join(app, "borrowed.mjs"), program);
  expect(run(process.execPath, ["borrowed.mjs"], app)).toBe(
    "INVALID_OPTIONS [rustorage] [mongodb] create: the driver is unstorage's: install unstorage and mongodb\n",
  );
});

test("a driver that the installed unstorage does not have says so", () => {
  const unstorage = join(app, "node_modules/unstorage");
  symlinkSync(join(root, "node_modules/unstorage-v1"), unstorage);
  onTestFinished(() => rmSync(unstorage));
  const program = `
    import cacheBinding from "rustorage/drivers/cloudflare-cache-binding";
    try { cacheBinding({}); } catch ({ code, message }) { console.log(code, message); }
  `;
  writeFileSync(join(app, "newer.mjs"), program);
  expect(run(process.execPath, ["newer.mjs"], app)).toBe(
    "INVALID_OPTIONS [rustorage] [cloudflare-cache-binding] create: the driver is unstorage's, and the version that is installed has none of this name\n",
  );
});
