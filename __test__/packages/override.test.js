/** A program that imports unstorage by itself gets ours, where the app's package.json says so. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { host } from "../../scripts/platforms.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "rustorage-override-"));

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function run(command, args, cwd = folder) {
  return execFileSync(command, args, { cwd, encoding: "utf8" });
}

function write(path, content) {
  const text = typeof content === "string" ? content : JSON.stringify(content);
  writeFileSync(join(folder, path), text);
}

test("an override of unstorage reaches the packages that depend on it", () => {
  const program = [join(root, "scripts/pack.js"), folder, host().name];
  const [tarball, binary] = run(process.execPath, program, root).trim().split("\n");
  mkdirSync(join(folder, "sessions"));
  write("sessions/package.json", {
    name: "sessions",
    version: "1.0.0",
    type: "module",
    exports: "./index.js",
    dependencies: { unstorage: "^1.17.0" },
  });
  write(
    "sessions/index.js",
    `import { builtinDrivers, createStorage, prefixStorage } from "unstorage";
    import fsLite from "unstorage/drivers/fs-lite";
    export async function sessionStorage(name, options) {
      const driver = await import(builtinDrivers[name]);
      const storage = createStorage({ driver: driver.default(options) });
      storage.mount("old", fsLite(options));
      return prefixStorage(storage, "sessions");
    }`,
  );
  write("package.json", {
    name: "app",
    private: true,
    dependencies: { rustorage: tarball, sessions: "file:sessions" },
    overrides: { unstorage: tarball, [`@rustorage/${host().name}`]: binary },
  });
  run("npm", ["install", "--no-audit", "--no-fund", "--install-links"]);
  write(
    "program.mjs",
    `import { sessionStorage } from "sessions";
    const storage = await sessionStorage("fs-lite", { base: "data" });
    await storage.setItem("a", { b: 1 }, { ttl: 60 });
    await storage.setItem("c", 1, { ttl: -1 });
    console.log(JSON.stringify([await storage.getItem("a"), await storage.getKeys()]));
    await sessionStorage("mongodb", {}).catch((error) => console.log(error.message));`,
  );
  // Only ours lets an item expire in fs-lite.
  expect(run(process.execPath, ["program.mjs"])).toBe(
    `[{"b":1},["a"]]
[rustorage] [mongodb] create: the driver is unstorage's, and rustorage is installed in its place\n`,
  );
});
