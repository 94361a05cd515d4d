/** What the driver refuses, and what the system refuses it. */
import { createStorage } from "rustorage";
import fs from "rustorage/drivers/fs";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  statfsSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, onTestFinished, test } from "vitest";
import { folder } from "../../folder.js";
import { write } from "./watched.js";
import { NOBODY, canBeNobody, canMount, disk } from "../../root.js";

const INDEX = ".unstorage-tmp-rustorage-ttl-1";

const failure = (promise) =>
  promise.then(
    () => undefined,
    (error) => error,
  );

/** Runs one of programs/ under a limit or another user; answers with what it prints. */
function runs(name, base, { before = "", calls = [], ...options } = {}) {
  const program = fileURLToPath(new URL(`programs/${name}.js`, import.meta.url));
  const command = `${before} exec "${process.execPath}" "${program}" "${base}" '${JSON.stringify(calls)}'`;
  const { stdout, stderr, status } = spawnSync("sh", ["-c", command], {
    encoding: "utf8",
    ...options,
  });
  if (status !== 0) throw new Error(`${status}: ${stderr}`);
  return JSON.parse(stdout);
}

describe("refused before anything is touched", () => {
  const OVER = "x".repeat(256);
  test.each([
    ["a name of 256 bytes", OVER],
    ["a name of 256 bytes in 128 characters", "é".repeat(128)],
    ["a folder's name of 256 bytes", `${OVER}:a`],
    ["a path of 5,000 bytes", Array.from({ length: 1000 }, () => "long").join(":")],
    ["NUL", "a:b\0"],
    ["a lone surrogate", "a:\udc00"],
    ["a name of the driver's own", ".rustorage-1:a"],
  ])("%s", async (_, key) => {
    const base = folder();
    const storage = createStorage({ driver: fs({ base }) });
    for (const call of [
      () => storage.setItem(key, 1),
      () => storage.setItemRaw(key, "1"),
      () => storage.getItem(key),
      () => storage.getItems(["a", key]),
      () => storage.hasItem(key),
      () => storage.getMeta(key),
      () => storage.removeItem(key),
    ]) {
      expect(await failure(call())).toMatchObject({ code: "INVALID_KEY", driver: "fs" });
    }
    expect(readdirSync(base)).toEqual([]);
  });

  test.each([
    ["a name that is too long", "x".repeat(300), 1],
    ["NUL", "a\0", 1],
    ["a function", "b", () => 1],
    ["a Map", "b", new Map()],
    ["a ttl that is no number", "b", 1, { ttl: "60" }],
  ])("a batch with %s, as a whole", async (_, key, value, options) => {
    const base = folder();
    const storage = createStorage().mount("files", fs({ base }));
    const items = [
      { key: "files:first", value: 1 },
      { key: "memory", value: 1 },
      { key: `files:${key}`, value, options },
    ];
    const error = await failure(storage.setItems(items));
    expect(error).toMatchObject({ operation: "setItems", key: `files:${key}` });
    expect(await storage.getKeys()).toEqual([]);
  });

  test("a base that no system has, and options that are none", () => {
    for (const options of ["./data", { base: "a\0b" }, { base: [] }]) {
      expect(() => fs(options)).toThrow(expect.objectContaining({ code: "INVALID_OPTIONS" }));
    }
  });

  test("keys that are too long are not there", async () => {
    const storage = createStorage({ driver: fs({ base: folder() }) });
    await storage.setItem("a", 1);
    const key = `a:${Array.from({ length: 15 }, () => "x".repeat(250)).join(":")}`;
    expect([await storage.hasItem(key), await storage.getItem(key)]).toEqual([false, null]);
  });

  test("the longest names are taken", async () => {
    const storage = createStorage({ driver: fs({ base: folder() }) });
    const key = `${"d".repeat(255)}:${"é".repeat(127)}`;
    await storage.setItem(key, 1);
    await storage.setItem(key, 2);
    expect(await storage.getItem(key)).toBe(2);
    expect(await storage.getKeys()).toEqual([key]);
  });

  test.each([{}, { followSymlinks: false }])(
    "the longest paths are taken, in overflow too: %j",
    async (options) => {
      const base = folder();
      const storage = createStorage({ driver: fs({ base, ...options }) });
      const room = 4049 - base.length;
      const key = `a${`:${"x".repeat(99)}`.repeat(room)}`.slice(0, room - 1);
      await storage.setItem("a", "in the way");
      await storage.setItem(key, 1);
      await storage.setItem(key, 2, { ttl: 100 });
      expect(await storage.getItem(key)).toBe(2);
      expect((await storage.getMeta(key, { nativeOnly: true })).size).toBe(1);
      expect(await storage.getKeys()).toEqual(["a", key]);
      for (const longer of [`${key}x`, `b${key}`]) {
        expect(await failure(storage.setItem(longer, 1))).toMatchObject({ code: "INVALID_KEY" });
      }
      await storage.removeItem("a");
      await storage.setItem(key, 3);
      expect(await storage.getItem(key)).toBe(3);
      await storage.clear();
      expect(readdirSync(base)).toEqual([INDEX]);
    },
  );

  test.each(["..:a", "a:..", "."])("%s, when the driver is called by itself", async (key) => {
    const driver = fs({ base: folder() });
    expect(await failure(driver.setItem(key, "1"))).toMatchObject({ code: "INVALID_KEY" });
    expect(await failure(driver.getKeys(key))).toMatchObject({ code: "INVALID_KEY" });
  });

  test.each([
    [{ mode: 0o10000 }, "mode"],
    [{ dirMode: -1 }, "dirMode"],
    [{ base: "" }, "base"],
  ])("options %j", (options, named) => {
    expect(() => fs({ base: folder(), ...options })).toThrow(
      expect.objectContaining({ code: "INVALID_OPTIONS", message: expect.stringContaining(named) }),
    );
  });
});

test("too many open files", () => {
  const base = folder();
  write(base, "item", "old");
  write(base, "dir/item", "old");
  const { before, after } = runs("errors", base, { before: "ulimit -n 64;" });
  for (const [operation, error] of Object.entries(before)) {
    expect(error).toMatchObject({ code: "EMFILE", driver: "fs", operation });
  }
  // When files are closed again, all is as before.
  expect(after).toEqual({ value: "old", keys: ["dir:item", "item"] });
  expect(readdirSync(base).sort()).toEqual(["dir", "item"]);
});

describe("keys deeper than files may be open", () => {
  const few = { before: "ulimit -n 64;" };
  const deep = (length, name = "d") => Array(length).fill(name).join("/");

  test("are listed and cleared", () => {
    const base = folder();
    const names = [1, 2, 90, 300, 500].flatMap((depth) => [
      `${deep(depth)}/e/item`,
      `${deep(depth)}/item`,
    ]);
    for (const name of names) write(base, name);
    const keys = names.map((name) => name.replaceAll("/", ":"));
    const calls = [
      ["getKeys"],
      ["getKeys", "", { maxDepth: 100 }],
      ["clear", "d:d"],
      ["getKeys"],
      ["clear"],
    ];
    const [all, shallow, , rest] = runs("calls", base, { ...few, calls });
    expect(all.sort()).toEqual(keys.toSorted());
    expect(shallow.sort()).toEqual(keys.filter((key) => key.length < 200).sort());
    expect(rest.sort()).toEqual(["d:e:item", "d:item"]);
    expect(readdirSync(base)).toEqual([]);
  });

  test("also where no path leads to them any more", () => {
    const base = folder();
    const half = deep(190, "twenty letters long-");
    write(base, `${half}/item`);
    write(base, `moved/${half}/item`);
    renameSync(join(base, "moved"), join(base, half, "moved"));
    const [all] = runs("calls", base, { ...few, calls: [["getKeys"], ["clear"]] });
    expect(all.map((key) => key.length).sort()).toEqual([3994, 7990]);
    expect(readdirSync(base)).toEqual([]);
  });
});

describe.runIf(canBeNobody)("as another user, for which one has to be root", () => {
  test("a file that may not be written to is not replaced", () => {
    const base = folder();
    chmodSync(base, 0o777);
    writeFileSync(join(base, "item"), "kept");
    chmodSync(join(base, "item"), 0o444);
    const { before } = runs("errors", base, NOBODY);
    expect(before.setItem).toMatchObject({ code: "EACCES", operation: "setItem", key: "item" });
    expect(readFileSync(join(base, "item"), "utf8")).toBe("kept");
  });

  test("no permission", () => {
    const base = mkdtempSync(join(tmpdir(), "rustorage-"));
    onTestFinished(() => execFileSync("rm", ["-rf", base]));
    chmodSync(base, 0o755);
    mkdirSync(join(base, "dir"), { mode: 0o700 });
    writeFileSync(join(base, "dir/item"), "old", { mode: 0o600 });
    writeFileSync(join(base, "item"), "old", { mode: 0o600 });
    const { before } = runs("errors", base, NOBODY);
    // A folder that may not be read is not watched, as long as it is not the base.
    const { watch, ...failed } = before;
    expect(watch).toEqual({});
    for (const [operation, error] of Object.entries(failed)) {
      expect(error).toMatchObject({ code: "EACCES", operation, key: expect.any(String) });
    }
    const said = (operation, key, path) =>
      `[rustorage] [fs] ${operation} "${key}": EACCES: permission denied, ${path}`;
    expect(before.setItem.message).toBe(said("setItem", "item", "item"));
    expect(before.getKeys.message).toBe(said("getKeys", "dir:", "dir"));
    expect(before.clear.message).toBe(said("clear", "dir:", "dir"));
    expect(readFileSync(join(base, "dir/item"), "utf8")).toBe("old");
  });

  test("getKeys and clear look into their base's folder, and into no other", () => {
    const base = folder();
    for (const name of ["in/a", "in/deep/b", "out/c"]) write(base, name);
    for (const name of [".", "in", "in/deep"]) chmodSync(join(base, name), 0o777);
    chmodSync(join(base, "out"), 0o000);
    const calls = [
      ["getKeys", "in"],
      ["getKeys", "in", { maxDepth: 1 }],
      ["clear", "in"],
      ["getKeys", "in"],
      ["getKeys"],
    ];
    expect(runs("calls", base, { ...NOBODY, calls })).toEqual([
      ["in:a", "in:deep:b"],
      ["in:a"],
      null,
      [],
      expect.objectContaining({ code: "EACCES" }),
    ]);
    expect(readdirSync(base)).toEqual(["out"]);
  });

  const ALL = ["getItem", "setItem", "removeItem", "getKeys", "clear", "watch"];
  test.each([
    ["a base that may not be used", ".", 0o000, ALL],
    ["a base that may not be written to", ".", 0o555, ["setItem"]],
    ["a base that may not be read", ".", 0o333, ["getKeys", "clear", "watch"]],
    ["a base that may not be come to", "..", 0o000, ALL],
  ])("%s is what the error names", (_, closed, mode, operations) => {
    const base = join(folder(), "base");
    mkdirSync(base);
    chmodSync(join(base, closed), mode);
    const { before } = runs("errors", base, NOBODY);
    for (const operation of operations) {
      const { message } = before[operation];
      expect(message).toMatch(/: EACCES: permission denied, the driver's base$/);
    }
  });

  test("a clear that fails tells of what is gone, and where it failed", () => {
    const base = folder();
    chmodSync(base, 0o777);
    for (const name of ["a/item", "b/c/stays", "b/gone", "b/also"]) write(base, name);
    for (const name of ["a", "b"]) chmodSync(join(base, name), 0o777);
    const { events, stack, ...error } = runs("clearing", base, NOBODY);
    expect(error).toEqual({
      code: "EACCES",
      key: "data:",
      message: '[rustorage] [fs-lite] clear "data:": EACCES: permission denied, b/c/stays',
    });
    expect(stack).toContain("clearing.js");
    const gone = ["data:a:item", "data:b:also", "data:b:gone"];
    expect(events).toEqual(gone.map((key) => `remove ${key}`));
    expect(readdirSync(join(base, "b"))).toEqual(["c"]);
  });
});

describe.runIf(canMount)("a disk of one megabyte, which has to be mounted", () => {
  test.each([{ atomic: true }, { durable: true }])("that is full: %j", async (options) => {
    const base = disk("size=1m");
    const storage = createStorage({ driver: fs({ base, ...options }) });
    await storage.setItem("dir:item", "old".repeat(100_000));
    const error = await failure(storage.setItem("dir:item", "new".repeat(300_000)));
    expect(error).toMatchObject({ code: "ENOSPC", operation: "setItem", key: "dir:item" });
    expect(error.message).toBe(
      '[rustorage] [fs] setItem "dir:item": ENOSPC: no space left on device, dir/item',
    );
    expect(await storage.getItem("dir:item")).toBe("old".repeat(100_000));
    expect(readdirSync(join(base, "dir"))).toEqual(["item"]);
    await storage.setItem("dir:item", "short");
    expect(await storage.getItem("dir:item")).toBe("short");
  });

  test.each([
    ["in place", { atomic: false }],
    ["in place and durable", { atomic: false, durable: true }],
    ["through a link", {}],
    ["through several names", {}],
  ])("that is full, %s", async (how, options) => {
    const base = disk("size=1m");
    const storage = createStorage({ driver: fs({ base, ...options }) });
    await storage.setItem("dir:item", "old".repeat(100_000));
    if (how === "through a link") symlinkSync("dir/item", join(base, "name"));
    else linkSync(join(base, "dir/item"), join(base, "name"));
    const { bfree } = statfsSync(base);
    const refused = { code: "ENOSPC", operation: "setItem" };
    for (const key of ["name", "new:item"]) {
      const error = await failure(storage.setItem(key, "new".repeat(400_000)));
      expect(error).toMatchObject({ ...refused, key });
    }
    expect(await storage.getItem("name")).toBe("old".repeat(100_000));
    expect(await storage.getItem("dir:item")).toBe("old".repeat(100_000));
    expect(await storage.getItem("new:item")).toBe(null);
    expect(readdirSync(join(base, "new"))).toEqual([]);
    // The folder takes no block on this disk.
    expect(statfsSync(base).bfree).toBe(bfree);
    await storage.setItem("name", "short");
    expect(await storage.getItem("dir:item")).toBe("short");
  });

  test("that is read-only", async () => {
    const base = disk("size=1m");
    const storage = createStorage({ driver: fs({ base }) });
    await storage.setItem("a:b", 1);
    execFileSync("mount", ["-o", "remount,ro", base]);
    const calls = [
      storage.setItem("a:b", 2),
      storage.setItem("new:c", 2),
      storage.removeItem("a:b"),
      storage.setItem("a:b", 2, { ttl: 5 }),
      storage.clear(),
    ];
    for (const call of calls) expect(await failure(call)).toMatchObject({ code: "EROFS" });
    const unmade = createStorage({ driver: fs({ base: join(base, "new/base") }) });
    expect((await failure(unmade.setItem("a", 1))).message).toBe(
      '[rustorage] [fs] setItem "a": EROFS: read-only file system, the driver\'s base',
    );
    expect(await storage.getItem("a:b")).toBe(1);
    expect(await storage.getKeys()).toEqual(["a:b"]);
  });
});

test("a folder where a file should be", async () => {
  const base = folder();
  write(base, "foo/bar");
  // Not even beside the folder there is room for the item.
  write(base, "foo/.unstorage-tmp-rustorage-value-1/any");
  const storage = createStorage({ driver: fs({ base }) });
  const error = await failure(storage.setItem("foo", 1));
  expect(error).toMatchObject({
    code: "EISDIR",
    key: "foo",
    message: '[rustorage] [fs] setItem "foo": EISDIR: is a directory, foo',
  });
  expect([await storage.getItem("foo"), await storage.hasItem("foo")]).toEqual([null, false]);
});

test("links that go round in a circle", async () => {
  const base = folder();
  symlinkSync("loop", join(base, "loop"));
  const storage = createStorage({ driver: fs({ base }) });
  for (const call of [storage.getItem("loop"), storage.setItem("loop:a", 1)]) {
    expect(await failure(call)).toMatchObject({ code: "ELOOP" });
  }
  expect([await storage.hasItem("loop"), await storage.hasItem("loop:a")]).toEqual([false, false]);
  expect((await storage.getMeta("loop")).size).toBe(undefined);
  await storage.removeItem("loop");
  expect(await storage.getKeys()).toEqual([]);
});

test.each([{}, { atomic: false }])("devices, pipes and sockets: %j", async (options) => {
  const base = folder();
  symlinkSync("/dev/zero", join(base, "device"));
  execFileSync("mkfifo", [join(base, "pipe")]);
  const server = createServer().listen(join(base, "socket"));
  onTestFinished(() => server.close());
  await once(server, "listening");
  const storage = createStorage({ driver: fs({ base, ...options }) });
  for (const key of ["device", "pipe", "socket"]) {
    const code = "EOPNOTSUPP";
    expect(await failure(storage.getItem(key))).toMatchObject({ code, key });
    expect(await failure(storage.getItems([key]))).toMatchObject({ code, key });
    expect(await failure(storage.setItem(key, 1))).toMatchObject({ code, key });
    // As in unstorage, they are there.
    expect(await storage.hasItem(key)).toBe(true);
  }
  expect(await storage.getKeys()).toEqual(["device", "pipe", "socket"]);
});

test("a file that says it is empty is read to its end", async () => {
  const base = folder();
  symlinkSync("/proc/self/status", join(base, "status"));
  writeFileSync(join(base, "empty"), "");
  const storage = createStorage({ driver: fs({ base }) });
  expect(await storage.getItem("status", { type: "text" })).toMatch(/^Name:[^]+\nThreads:/);
  expect(await storage.getItem("empty")).toBe("");
});

test.each([{}, { atomic: false }])(
  "a link into a folder that is missing, and a file where overflow would be: %j",
  async (options) => {
    const base = folder();
    symlinkSync("missing/file", join(base, "link"));
    write(base, "file");
    write(base, ".rustorage-1");
    const storage = createStorage({ driver: fs({ base, ...options }) });
    expect((await failure(storage.setItem("link", 1))).message).toBe(
      '[rustorage] [fs] setItem "link": ENOENT: no such file or directory, link',
    );
    expect((await failure(storage.setItem("file:below", 1))).message).toBe(
      '[rustorage] [fs] setItem "file:below": ENOTDIR: not a directory, file/below',
    );
    expect(await storage.getItems(["link", "file:below"])).toEqual([
      { key: "link", value: null },
      { key: "file:below", value: null },
    ]);
    expect(readdirSync(base).sort()).toEqual([".rustorage-1", "file", "link"]);
  },
);

test("a value that JSON has no text for", async () => {
  const storage = createStorage({ driver: fs({ base: folder() }) });
  const error = await failure(storage.setItem("key", () => 1));
  expect(error).toMatchObject({ code: "INVALID_VALUE", key: "key" });
  expect(error.message).toBe('[rustorage] [fs] setItem "key": JSON has no text for a function');
});

test(
  "a write waits for a lock of another program, holds up nothing meanwhile, and gives up",
  { timeout: 30_000 },
  async () => {
    const base = folder();
    const storage = createStorage({ driver: fs({ base }) });
    await storage.setItem("locked:item", "old");
    const locker = spawn("flock", [join(base, "locked"), "-c", "echo locked; read line"], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    await once(locker.stdout, "data");
    const writes = Array.from({ length: 100 }, (_, index) =>
      storage.setItem(`locked:${index}`, index),
    );
    const refused = failure(storage.setItem("locked:item", "new"));
    // Had the writes kept their threads, this would not end before they do.
    let ended = false;
    void Promise.allSettled(writes).then(() => (ended = true));
    for (let index = 0; index < 100; index++) await storage.setItem(`free:${index}`, index);
    expect(await storage.getKeys("free")).toHaveLength(100);
    expect(ended).toBe(false);
    expect(await refused).toMatchObject({ code: "ETIMEDOUT", key: "locked:item" });
    expect((await refused).message).toBe(
      '[rustorage] [fs] setItem "locked:item": ETIMEDOUT: another process has kept it locked for 5 seconds, locked/item',
    );
    expect((await Promise.allSettled(writes)).every(({ status }) => status === "rejected")).toBe(
      true,
    );
    expect(readdirSync(join(base, "locked"))).toEqual(["item"]);
    const later = storage.setItem("locked:item", "new");
    locker.stdin.end("\n");
    await later;
    expect(await storage.getItem("locked:item")).toBe("new");
  },
);

test("errors say that the base is a file, and hold neither values nor the way to the base", async () => {
  const base = join(folder(), "file");
  writeFileSync(base, "");
  const storage = createStorage({ driver: fs({ base }) });
  const error = await failure(storage.setItem("key", "secret value"));
  expect(error.message).toBe(
    '[rustorage] [fs] setItem "key": ENOTDIR: not a directory, the driver\'s base',
  );
  expect(`${error.stack}${error.cause.stack}${JSON.stringify(error)}`).not.toMatch(
    new RegExp(`secret value|${base}`),
  );
});
