/** The fs driver's `ignore`: what unstorage's lists, by node's own `path.matchesGlob`, is what ours lists. */
import fc from "fast-check";
import { createStorage } from "rustorage";
import fs from "rustorage/drivers/fs";
import fsLite from "rustorage/drivers/fs-lite";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import unstorageFs from "unstorage/drivers/fs";
import unstorageFsLite from "unstorage/drivers/fs-lite";
import { afterAll, describe, expect, onTestFinished, test } from "vitest";
import { FILES, patterns } from "./patterns.js";

/** Older ones have another dialect, or none. */
const HAS_GLOBS = Number(process.versions.node.split(".")[0]) >= 22;
const VECTORS = "vectors.txt";
const RUNS = Number(process.env.PATTERNS ?? 300);

const base = mkdtempSync(join(tmpdir(), "rustorage-"));
afterAll(() => rmSync(base, { recursive: true }));
fill(base, FILES);

function fill(folder, files) {
  for (const file of files) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), "");
  }
}

function folder(files) {
  const path = mkdtempSync(join(tmpdir(), "rustorage-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  fill(path, files);
  return path;
}

/** Which files a driver lists, a bit each; or that the pattern is malformed. */
async function listed(driver, pattern) {
  try {
    const keys = await driver({ base, ignore: [pattern] }).getKeys();
    const known = new Set([...keys].map((key) => key.replaceAll(":", "/")));
    const bits = FILES.map((file) => (known.has(file) ? 1 : 0)).join("");
    return BigInt(`0b${bits}`).toString(16);
  } catch (error) {
    if (error instanceof SyntaxError || error.code === "INVALID_OPTIONS") return "malformed";
    throw error;
  }
}

// Node 20 has no such globs, which is why what they hide was recorded.
if (HAS_GLOBS) {
  test("any pattern hides what it hides in unstorage", { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(patterns, async (pattern) => {
        expect(await listed(fs, pattern)).toBe(await listed(unstorageFs, pattern));
      }),
      { numRuns: RUNS },
    );
  });

  test("the recorded patterns hide what they hide in unstorage", async () => {
    const lines = [];
    for (const pattern of new Set(fc.sample(patterns, { numRuns: 500, seed: 1 }))) {
      lines.push(`${JSON.stringify(pattern)} ${await listed(unstorageFs, pattern)}\n`);
    }
    await expect(lines.join("")).toMatchFileSnapshot(VECTORS);
  });
}

describe("globs", () => {
  test("the recorded patterns hide the same in every version of Node", async () => {
    const lines = readFileSync(new URL(VECTORS, import.meta.url), "utf8")
      .trimEnd()
      .split("\n");
    for (const line of lines) {
      const [, pattern, expected] = line.match(/^(.*) (\w+)$/);
      expect(`${pattern} ${await listed(fs, JSON.parse(pattern))}`).toBe(`${pattern} ${expected}`);
    }
  });

  test("patterns that take node for ever take no time", async () => {
    const path = folder(["a".repeat(120) + "!", `${"a/".repeat(60)}b`]);
    const hostile = [
      "*(a|a|*(a|aa|*(a|a)b)b)c",
      "+(a|b*(a|c+(a|d?(a|e*(a|f*(a|g*(a))))))))x",
      "*a".repeat(60),
      "!(!(!(!(a*)*)*)*)*".repeat(3),
      "**/a/".repeat(59) + "c",
      "**/*/".repeat(40) + "**/c",
    ];
    for (const pattern of hostile)
      expect((await fs({ base: path, ignore: [pattern] }).getKeys()).length).toBe(2);
  });

  test.each([
    "!(a)".repeat(40),
    "{a,b}".repeat(40),
    "{1..9999999}",
    "@(".repeat(2000),
    "{".repeat(2000) + "}".repeat(2000),
    "a".repeat(100_000),
  ])("patterns that would grow without bound are refused, or are text: %.20s…", async (pattern) => {
    const path = folder(["b"]);
    try {
      expect(await fs({ base: path, ignore: [pattern] }).getKeys()).toEqual(["b"]);
    } catch (error) {
      expect(error).toMatchObject({ code: "INVALID_OPTIONS", driver: "fs" });
      expect(error.message).toContain("`ignore`");
    }
  });

  test.each(["*", "**", "?", "{a,b}"])("an absolute entry with %s is refused", (glob) => {
    expect(() => fs({ base, ignore: [join(base, glob)] })).toThrow(
      expect.objectContaining({
        code: "INVALID_OPTIONS",
        message: expect.stringContaining("globs are relative to base"),
      }),
    );
  });

  test("absolute entries are prefixes of paths", async () => {
    const path = folder(["secret/a", "secrets", "open/a"]);
    const driver = fs({ base: path, ignore: [join(path, "secret")] });
    expect(await driver.getKeys()).toEqual(["open/a"]);
  });

  test("an ignored folder hides what a listing of it would find", async () => {
    const path = folder(["a/b/c", "b"]);
    for (const ignore of [["a"], ["a/b"], ["**"], [path]]) {
      expect(await fs({ base: path, ignore }).getKeys("a:b")).toEqual([]);
    }
  });

  test("clear leaves what is ignored, and the folders that hold it", async () => {
    const path = folder(["a/keep.log", "a/go", "b/go", "node_modules/a/b"]);
    await fs({ base: path, ignore: ["**/*.log", "node_modules"] }).clear();
    expect(existsSync(join(path, "a/keep.log"))).toBe(true);
    expect(existsSync(join(path, "node_modules/a/b"))).toBe(true);
    expect(existsSync(join(path, "b"))).toBe(false);
    expect(existsSync(join(path, "a/go"))).toBe(false);
  });

  test("a function is no glob", () => {
    expect(() => fs({ base, ignore: () => true })).toThrow(/`ignore`/);
  });
});

describe("fs-lite's function", () => {
  test.each([
    ["files by their ends", (path) => path.endsWith("b")],
    ["folders", (path) => path.endsWith("/d") || path.endsWith(".h")],
    ["nothing", () => undefined],
    ["everything", () => true],
    ["what is no boolean", (path) => (path.includes("a") ? "yes" : 0)],
  ])("hides %s, as in unstorage", async (_, ignore) => {
    const ours = await fsLite({ base, ignore }).getKeys();
    const theirs = await unstorageFsLite({ base, ignore }).getKeys();
    expect(ours.sort()).toEqual(theirs.sort());
  });

  test("is asked about absolute paths, about nothing in an ignored folder, once for each", async () => {
    const path = folder(["a/b/c", "skip/d", "e"]);
    const asked = [];
    const ignore = (asking) => {
      asked.push(asking);
      return asking.endsWith("skip");
    };
    const storage = createStorage({ driver: fsLite({ base: path, ignore }) });
    expect((await storage.getKeys()).sort()).toEqual(["a:b:c", "e"]);
    const expected = ["", "/a", "/skip", "/e", "/a/b", "/a/b/c"].map((name) => path + name);
    expect(asked.sort()).toEqual(expected.sort());
    asked.length = 0;
    await storage.getKeys("", { maxDepth: 0 });
    expect(asked.sort()).toEqual([path, ...["/a", "/e", "/skip"].map((name) => path + name)]);
  });

  test("what it throws reaches the caller, and later calls work", async () => {
    const path = folder(["a", "b"]);
    const problem = new Error("expected");
    let throws = true;
    const ignore = () => {
      if (throws) throw problem;
    };
    const storage = createStorage({ driver: fsLite({ base: path, ignore }) });
    await expect(storage.getKeys()).rejects.toBe(problem);
    await expect(storage.clear()).rejects.toBe(problem);
    throws = false;
    expect((await storage.getKeys()).sort()).toEqual(["a", "b"]);
  });

  test("clear leaves what it names", async () => {
    const path = folder(["a/keep", "a/go", "b/go"]);
    const storage = createStorage({
      driver: fsLite({ base: path, ignore: (name) => name.endsWith("keep") }),
    });
    await storage.clear();
    expect(await fs({ base: path }).getKeys()).toEqual(["a/keep"]);
    expect(existsSync(join(path, "b"))).toBe(false);
  });

  test("a clear that asks is over before later writes", async () => {
    const path = folder(["a/1", "a/2", "b"]);
    const storage = createStorage({ driver: fsLite({ base: path, ignore: () => false }) });
    for (let round = 0; round < 30; round++) {
      const cleared = storage.clear();
      const listed = storage.getKeys();
      void storage.setItem("zz:later", round);
      expect(await storage.getItem("zz:later")).toBe(round);
      expect(await listed).toEqual([]);
      await cleared;
      expect(await storage.getKeys()).toEqual(["zz:later"]);
    }
  });

  test("may call the storage again", async () => {
    const path = folder(["a", "b"]);
    const reads = [];
    const storage = createStorage({
      driver: fsLite({ base: path, ignore: () => void reads.push(storage.hasItem("a")) }),
    });
    const lists = await Promise.all(Array.from({ length: 20 }, () => storage.getKeys()));
    expect(lists.every((keys) => keys.length === 2)).toBe(true);
    expect((await Promise.all(reads)).every(Boolean)).toBe(true);
  });

  test("globs are no function", () => {
    expect(() => fsLite({ base, ignore: ["*"] })).toThrow(/`ignore`/);
  });
});
