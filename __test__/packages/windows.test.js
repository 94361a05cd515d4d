/** What differs on Windows, for which the addon has no files: here by a process that takes itself for one of Windows. */
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { binary, host } from "../../scripts/platforms.js";

const root = new URL("../../", import.meta.url);
const addon = fileURLToPath(new URL(`npm/${host().name}/${binary(host())}`, root));

async function runOnWindows(program) {
  const cwd = mkdtempSync(join(tmpdir(), "rustorage-"));
  onTestFinished(() => rmSync(cwd, { recursive: true, force: true }));
  const whole = `Object.defineProperty(process, "platform", { value: "win32" });
    const load = (name) => import(new URL(name, ${JSON.stringify(root.href)}));
    ${program}`;
  const env = { ...process.env, RUSTORAGE_LIBRARY_PATH: addon };
  const args = ["--input-type=module", "--eval", whole];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { cwd, env });
  return { printed: JSON.parse(stdout), stderr, cwd };
}

test.each(["fs", "fs-lite"])("%s is unstorage's, and says which options it lacks", async (name) => {
  const { printed, stderr, cwd } = await runOnWindows(`
    const { createStorage, isNative, builtinDrivers } = await load("index.js");
    const { default: files } = await load("js/drivers/${name}.js");
    const driver = files({ base: "./files", ttl: 60 });
    const storage = createStorage().mount("files", driver);
    await storage.setItem("files:a:b", 1);
    console.log(JSON.stringify([isNative(driver), builtinDrivers["${name}"], await storage.getItem("files:a:b")]));`);
  expect(printed).toEqual([false, `unstorage/drivers/${name}`, 1]);
  expect(stderr).toContain(`the option \`ttl\` has no effect on the driver ${name} here`);
  expect(readFileSync(join(cwd, "files/a/b"), "utf8")).toBe("1");
});

test("useStorage keeps `data` in unstorage's files, and reads options of run time", async () => {
  const { printed, cwd } = await runOnWindows(`
    process.env.UPLOADS = "./uploads";
    const { defineStorage, useStorage } = await load("index.js");
    defineStorage({ storage: { uploads: { driver: "fs", base: "{{UPLOADS}}" } } });
    await useStorage("data").setItem("a", 1);
    await useStorage("uploads").setItem("b", 2);
    console.log(JSON.stringify(await useStorage().getKeys("data")));`);
  expect(printed).toEqual(["data:a"]);
  expect(readFileSync(join(cwd, ".data/kv/a"), "utf8")).toBe("1");
  expect(readFileSync(join(cwd, "uploads/b"), "utf8")).toBe("2");
});
