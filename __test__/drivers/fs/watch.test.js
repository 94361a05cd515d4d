/** The fs driver's watcher: what it tells of, what it passes over, and what it gives back. */
import { createStorage } from "rustorage";
import fs from "rustorage/drivers/fs";
import fsLite from "rustorage/drivers/fs-lite";
import * as unstorage from "unstorage";
import { spawnSync } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { describe, expect, test, vi } from "vitest";
import { run } from "../../lifecycle/run.js";
import { folder } from "../../folder.js";
import { SETTLED, silence, watched, write } from "./watched.js";

describe("tells of", () => {
  test("new, written, replaced and removed files, each once", async () => {
    const { base, heard } = await watched();
    write(base, "a");
    await heard(["update a"]);
    write(base, "a", "more");
    await heard(["update a"]);
    appendFileSync(join(base, "a"), "and more");
    await heard(["update a"]);
    rmSync(join(base, "a"));
    await heard(["remove a"]);
  });

  test("a save by rename, as editors do it, as one update", async () => {
    const { base, heard } = await watched();
    write(base, "file");
    await heard(["update file"]);
    write(base, ".file.swp");
    write(base, "4913", "");
    rmSync(join(base, "4913"));
    renameSync(join(base, "file"), join(base, "file~"));
    write(base, "file", "saved");
    rmSync(join(base, "file~"));
    await heard(["update file"]);
    write(base, "file.new", "saved again");
    renameSync(join(base, "file.new"), join(base, "file"));
    await heard(["update file"]);
  });

  test("what the driver itself writes, and what it keeps beside files and folders", async () => {
    const { watcher, heard } = await watched();
    await watcher.setItem("foo", "1");
    await watcher.setItem("foo:bar", "2");
    await watcher.setItem("dir:a", "3");
    await watcher.setItem("dir", "4");
    await heard(["update dir", "update dir:a", "update foo", "update foo:bar"]);
    await watcher.setItem("foo:bar", "5");
    await watcher.setItem("dir", "6");
    await heard(["update dir", "update foo:bar"]);
    await watcher.clear();
    await heard(["remove dir", "remove dir:a", "remove foo", "remove foo:bar"]);
  });

  test("an item that moves between its two places as updates", async () => {
    const base = folder();
    const { watcher, heard } = await watched({}, { base });
    await watcher.setItem("foo", "1");
    await watcher.setItem("foo:bar", "2");
    await heard(["update foo", "update foo:bar"]);
    rmSync(join(base, "foo"));
    write(base, "foo/bar");
    await heard(["remove foo", "update foo:bar"]);
    rmSync(join(base, ".rustorage-1/foo/bar"), { recursive: true });
    await heard(["update foo:bar"]);
    rmSync(join(base, "foo/bar"));
    await heard(["remove foo:bar"]);
  });

  test("folders with what was in them before, and without it", async () => {
    const { base, heard } = await watched();
    const outside = folder();
    write(outside, "in/a");
    write(outside, "in/b/c");
    renameSync(join(outside, "in"), join(base, "moved"));
    await heard(["update moved:a", "update moved:b:c"]);
    write(base, "moved/b/d");
    await heard(["update moved:b:d"]);
    renameSync(join(base, "moved/b"), join(base, "b"));
    const moved = ["remove moved:b:c", "remove moved:b:d", "update b:c", "update b:d"];
    await heard(moved);
    renameSync(join(base, "b"), join(outside, "b"));
    rmSync(join(base, "moved"), { recursive: true });
    await heard(["remove b:c", "remove b:d", "remove moved:a"]);
    write(outside, "b/e");
    await heard([]);
  });

  test("a folder that took the place of another, or of a file", async () => {
    const { base, heard } = await watched();
    const outside = folder();
    write(base, "x/a");
    write(base, "y");
    await heard(["update x:a", "update y"]);
    write(outside, "x/b");
    renameSync(join(base, "x"), join(outside, "old"));
    renameSync(join(outside, "x"), join(base, "x"));
    rmSync(join(base, "y"));
    write(base, "y/z");
    await heard(["remove x:a", "remove y", "update x:b", "update y:z"]);
    write(base, "x/c");
    await heard(["update x:c"]);
  });

  test("every file of many", async () => {
    const { base, events, heard } = await watched();
    const keys = Array.from({ length: 3000 }, (_, index) => `${index % 30}:${index}`);
    for (const key of keys) write(base, key.replace(":", "/"));
    // What was looked at while it was written is told again.
    await vi.waitFor(() => expect(new Set(events).size).toBe(keys.length), 10_000);
    await silence(events, keys.length);
    expect(new Set(events.splice(0))).toEqual(
      new Set(keys.map((key) => `update ${key.replace(":", "/")}`)),
    );
    rmSync(base, { recursive: true });
    await heard(keys.map((key) => `remove ${key}`).sort());
  });

  test("keys deeper than a stack is", async () => {
    const base = folder();
    const deep = (name) => [name, ...Array(1500).fill("d"), "item"];
    write(base, deep("a").join("/"));
    const { heard } = await watched({}, { base });
    renameSync(join(base, "a"), join(base, "b"));
    await heard([`remove ${deep("a").join(":")}`, `update ${deep("b").join(":")}`]);
  });

  test("a base that comes back", async () => {
    const { base, heard } = await watched();
    write(base, "a");
    await heard(["update a"]);
    rmSync(base, { recursive: true });
    await heard(["remove a"]);
    write(base, "b");
    await heard(["update b"]);
    write(base, "c");
    await heard(["update c"]);
    // At once, before the watcher has looked.
    rmSync(base, { recursive: true });
    write(base, "d");
    await heard(["remove b", "remove c", "update d"]);
    write(base, "e");
    await heard(["update e"]);
  });
});

describe("stays with the base's path", () => {
  test("when a folder above it is renamed", async () => {
    const above = folder();
    write(above, "one/base/a");
    write(above, "two/base/b");
    const { heard } = await watched({}, { base: join(above, "one/base") });
    renameSync(join(above, "one"), join(above, "old"));
    await heard(["remove a"]);
    renameSync(join(above, "two"), join(above, "one"));
    await heard(["update b"]);
    write(above, "one/base/c");
    write(above, "old/base/d");
    await heard(["update c"]);
  });

  test("when it is a link that is swapped", async () => {
    const above = folder();
    write(above, "one/a");
    write(above, "two/b");
    symlinkSync("one", join(above, "current"));
    const { heard } = await watched({}, { base: join(above, "current") });
    symlinkSync("two", join(above, "next"));
    renameSync(join(above, "next"), join(above, "current"));
    await heard(["remove a", "update b"]);
    write(above, "two/c");
    write(above, "one/d");
    await heard(["update c"]);
  });
});

describe("does not tell of", () => {
  test("what was there, what came and went, unfinished writes, empty folders, times of reading", async () => {
    const base = folder();
    write(base, "a/b");
    const { heard } = await watched({}, { base });
    write(base, "gone");
    rmSync(join(base, "gone"));
    write(base, ".unstorage-tmp-1-2-3");
    write(base, ".unstorage-tmp-rustorage-ttl-1");
    mkdirSync(join(base, "empty"));
    readFileSync(join(base, "a/b"));
    chmodSync(join(base, "a/b"), 0o600);
    await heard([]);
  });

  test("what `ignore` and `ignored` name, and it takes no inotify watch for it", async () => {
    const base = folder();
    for (let index = 0; index < 40; index++) write(base, `node_modules/pkg${index}/index.js`);
    for (let index = 0; index < 40; index++) write(base, `skipped/${index}/file`);
    write(base, "seen/a");
    const before = inotifyWatches();
    const { heard } = await watched(
      { watchOptions: { ignored: ["skipped", "**/*.log"] } },
      { base },
    );
    // base, node_modules, whose dot files are not ignored, and seen.
    expect(inotifyWatches() - before).toBe(3);
    write(base, "node_modules/pkg0/new.js");
    write(base, "node_modules/new/index.js");
    write(base, "skipped/1/file", "new");
    write(base, "skipped/new/file");
    write(base, "seen/x.log");
    write(base, "seen/b");
    await heard(["update seen:b"]);
    expect(inotifyWatches() - before).toBe(3);
  });

  test("anything after unwatch, not even of what came before", async () => {
    const { base, events, unwatch } = await watched();
    write(base, "a");
    await unwatch();
    write(base, "b");
    await sleep(SETTLED);
    expect(events).toEqual([]);
  });
});

describe("options", () => {
  test("ignoreInitial: false tells of what is there, before watch resolves", async () => {
    const base = folder();
    write(base, "a");
    write(base, "b/c");
    const { events } = await watched({ watchOptions: { ignoreInitial: false } }, { base });
    expect(events.sort()).toEqual(["update a", "update b/c"]);
  });

  test.each([0, 1])("depth: %i", async (depth) => {
    const base = folder();
    write(base, "x/y/before");
    const { heard } = await watched({ watchOptions: { depth } }, { base });
    for (const name of ["a", "x/a", "x/y/a", "new/a", "new/y/a"]) write(base, name);
    const expected = depth === 0 ? ["update a"] : ["update a", "update new:a", "update x:a"];
    await heard(expected);
  });

  test("usePolling sees the same, without inotify", async () => {
    const before = inotifyWatches();
    const { base, heard } = await watched({ watchOptions: { usePolling: true, interval: 20 } });
    expect(inotifyWatches()).toBe(before);
    write(base, "a/b");
    await heard(["update a:b"]);
    write(base, "a/b", "other");
    await heard(["update a:b"]);
    rmSync(join(base, "a"), { recursive: true });
    await heard(["remove a:b"]);
  });

  test("awaitWriteFinish waits until a file is whole", async () => {
    const awaitWriteFinish = { stabilityThreshold: 600, pollInterval: 20 };
    const { base, events, heard } = await watched({ watchOptions: { awaitWriteFinish } });
    write(base, "slow", "");
    for (let part = 0; part < 5; part++) {
      await sleep(200);
      appendFileSync(join(base, "slow"), "part");
      expect(events).toEqual([]);
    }
    write(base, "short");
    await sleep(200);
    rmSync(join(base, "short"));
    await vi.waitFor(() => expect(events).toEqual(["update slow"]), 10_000);
    await heard(["update slow"]);
    rmSync(join(base, "slow"));
    await heard(["remove slow"]);
  });

  test.each([
    [{ persistent: true }, "watchOptions.persistent"],
    [{ persistent: true }, "expected one of `usePolling`, `interval`, `depth`"],
    [{ ignored: /a/ }, "watchOptions.ignored"],
    [{ ignored: () => true }, "watchOptions.ignored"],
    [{ ignored: ["[[:alpha:]]-"] }, "watchOptions.ignored"],
    [{ ignored: ["/absolute/*"] }, "an absolute entry is a prefix"],
    [{ depth: -1 }, "watchOptions.depth"],
    [{ interval: "fast" }, "watchOptions.interval"],
    [{ awaitWriteFinish: { threshold: 1 } }, "watchOptions.awaitWriteFinish"],
  ])("%o is refused", (watchOptions, named) => {
    expect(() => fs({ base: "unused", watchOptions })).toThrow(
      expect.objectContaining({ code: "INVALID_OPTIONS", message: expect.stringContaining(named) }),
    );
  });

  test("fs-lite does not watch", () => {
    expect(fsLite({ base: "unused" }).watch).toBe(undefined);
    expect(() => fsLite({ base: "unused", watchOptions: {} })).toThrow(/watchOptions/);
  });
});

describe("errors", () => {
  test("a base that cannot be made, or is no folder, rejects watch", async () => {
    const base = folder();
    write(base, "file");
    const code = "ENOTDIR";
    for (const name of ["file/inside", "file"]) {
      const driver = fs({ base: join(base, name) });
      await expect(driver.watch(() => {})).rejects.toMatchObject({
        code,
        driver: "fs",
        operation: "watch",
        message: "[rustorage] [fs] watch: ENOTDIR: not a directory, the driver's base",
      });
      const storage = createStorage().mount("data", driver);
      await expect(storage.watch(() => {})).rejects.toMatchObject({ code, key: "data:" });
      rmSync(join(base, "file"));
      const events = [];
      await storage.watch((event, key) => events.push(key));
      await storage.setItem("data:later", 1);
      await vi.waitFor(() => expect(events).toEqual(["data:later"]), 5000);
      await storage.unwatch();
      rmSync(base, { recursive: true });
      write(base, "file");
    }
  });

  /** A namespace of its own may have a limit of its own, where the system lets one make it. */
  const limited = [
    "-Ur",
    "sh",
    "-c",
    'echo 6 > /proc/sys/user/max_inotify_watches && exec "$@"',
    "-",
  ];
  const isLimited = spawnSync("unshare", [...limited, "true"]).status === 0;

  // What continuous integration cannot run it must not pass over.
  test.runIf(isLimited || process.env.CI)(
    "no inotify watch left: watch rejects, or the watcher looks by itself",
    () => {
      const program = fileURLToPath(new URL("programs/few-watches.js", import.meta.url));
      const args = [...limited, process.execPath, program, folder()];
      const { stdout, stderr } = spawnSync("unshare", args, { encoding: "utf8", timeout: 15_000 });
      expect(stderr).toBe("");
      const { refused, events } = JSON.parse(stdout);
      expect(refused.code).toBe("ENOSPC");
      expect(refused.message).toContain("fs.inotify.max_user_watches");
      const expected = Array.from({ length: 10 }, (_, index) => [
        `update ${index}/a`,
        `update ${index}/b`,
      ]);
      expect(events).toEqual(expected.flat());
    },
  );

  test("a base that is missing is made", async () => {
    const base = join(folder(), "a/b");
    const { heard } = await watched({}, { base });
    expect(existsSync(base)).toBe(true);
    write(base, "c");
    await heard(["update c"]);
  });

  test.each([{}, { watchOptions: { usePolling: true, interval: 20 } }])(
    "with readOnly it is waited for: %o",
    async (options) => {
      const outside = folder();
      const base = join(outside, "a/b");
      const { heard } = await watched({ readOnly: true, ...options }, { base });
      expect(existsSync(join(outside, "a"))).toBe(false);
      // By rename, as a look may come between a file and its content.
      write(outside, "made/b/c/d");
      renameSync(join(outside, "made"), join(outside, "a"));
      await heard(["update c:d"]);
      write(outside, "e");
      renameSync(join(outside, "e"), join(base, "c/e"));
      await heard(["update c:e"]);
    },
  );
});

describe("awaitWriteFinish", () => {
  const awaitWriteFinish = { stabilityThreshold: 1500, pollInterval: 50 };

  test("is told of the end of what was removed and is being written again", async () => {
    const { base, heard } = await watched({ watchOptions: { awaitWriteFinish } });
    write(base, "d/x");
    await heard(["update d:x"]);
    rmSync(join(base, "d"), { recursive: true });
    write(base, "d/x");
    await sleep(200);
    rmSync(join(base, "d/x"));
    await heard(["remove d:x"]);
  });

  test("a link that leads nowhere is told of", async () => {
    const { base, heard } = await watched({ watchOptions: { awaitWriteFinish } });
    symlinkSync("nowhere", join(base, "link"));
    await heard(["update link"]);
  });
});

describe("one watcher", () => {
  test("serves all callbacks", async () => {
    // Those of the tests before may still be ending.
    await vi.waitFor(() => expect(inotifyInstances()).toBe(0), 5000);
    const before = inotifyInstances();
    const { watcher, heard, base, unwatch } = await watched();
    const more = [];
    const stops = [];
    for (let index = 0; index < 5; index++) {
      stops.push(await watcher.watch((event, key) => more.push(`${index} ${event} ${key}`)));
    }
    expect(inotifyInstances()).toBe(before + 1);
    write(base, "a");
    await heard(["update a"]);
    expect(more.length).toBe(5);
    await unwatch();
    await unwatch();
    write(base, "b");
    await vi.waitFor(() => expect(more.length).toBe(10), 5000);
    await heard([]);
    for (const stop of stops) await stop();
    await vi.waitFor(() => expect(inotifyInstances()).toBe(before), 5000);
    await watcher.dispose();
  });

  test("takes nothing from the others where a callback throws", async () => {
    const { events, uncaught, value } = await run("../../drivers/fs/programs/throwing", folder());
    expect({ events, uncaught, value }).toEqual({
      events: ["update a"],
      uncaught: ["expected"],
      value: "1",
    });
  });

  test("starts and stops with the storage's watchers, on every mount", async () => {
    const before = inotifyInstances();
    const bases = [folder(), folder(), folder()];
    const storage = createStorage({ driver: fs({ base: bases[0] }) });
    storage.mount("one", fs({ base: bases[1] }));
    expect(inotifyInstances()).toBe(before);
    const events = [];
    const unwatch = await storage.watch((event, key) => events.push(`${event} ${key}`));
    expect(inotifyInstances()).toBe(before + 2);
    storage.mount("two", fs({ base: bases[2] }));
    await vi.waitFor(() => expect(inotifyInstances()).toBe(before + 3), 5000);
    await sleep(SETTLED);
    for (const base of bases) write(base, "a/b");
    await vi.waitFor(
      () => expect(events.sort()).toEqual(["update a:b", "update one:a:b", "update two:a:b"]),
      5000,
    );
    await storage.unmount("two");
    await vi.waitFor(() => expect(inotifyInstances()).toBe(before + 2), 5000);
    await storage.dispose();
    await vi.waitFor(() => expect(inotifyInstances()).toBe(before), 5000);
    await unwatch();
  });

  test("works in unstorage's own storage", async () => {
    const base = folder();
    const storage = unstorage.createStorage().mount("files", fs({ base }));
    const events = [];
    const unwatch = await storage.watch((event, key) => events.push(`${event} ${key}`));
    await storage.setItem("files:a:b", 1);
    await storage.removeItem("files:a:b");
    await storage.setItem("files:c", 1);
    await vi.waitFor(() => expect(events).toContain("update files:c"), 5000);
    await unwatch();
  });

  test("watching and unwatching at once, again and again, leaves nothing", async () => {
    const driver = fs({ base: folder() });
    const before = inotifyInstances();
    await Promise.all(
      Array.from({ length: 20 }, async () => {
        const stop = await driver.watch(() => {});
        await stop();
      }),
    );
    await Promise.all([driver.watch(() => {}), driver.dispose()]);
    await driver.dispose();
    await vi.waitFor(() => expect(inotifyInstances()).toBe(before), 5000);
  });
});

/** The pool starts its threads when it needs them; each watcher that leaves something behind leaves more than that in all. */
const POOL = 4;

test.each(["unwatch", "dispose", "unmount"])(
  "%s gives back threads and descriptors",
  async (how) => {
    const { early, late } = await run("../../drivers/fs/programs/watching", folder(), how);
    expect(late.files).toBe(early.files);
    expect(late.threads).toBeLessThan(early.threads + POOL);
  },
);

test.each(["exits", "is terminated"])(
  "a worker that %s while it watches takes nothing along",
  async (how) => {
    const { early, late } = await run("../../drivers/fs/programs/watching-workers", folder(), how);
    expect(late.threads).toBeLessThan(early.threads + POOL);
    expect(late.files).toBeLessThanOrEqual(early.files);
  },
);

test("keeps no process alive", async () => {
  await run("ends", "watcher", folder());
});

/** What the system says of each inotify instance of this process. */
function inotifyDescriptors() {
  return readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      const inotify = readlinkSync(`/proc/self/fd/${fd}`) === "anon_inode:inotify";
      return inotify ? [readFileSync(`/proc/self/fdinfo/${fd}`, "utf8")] : [];
    } catch {
      // The descriptor of this very listing.
      return [];
    }
  });
}

function inotifyInstances() {
  return inotifyDescriptors().length;
}

function inotifyWatches() {
  return inotifyDescriptors().join("").split("inotify wd:").length - 1;
}
