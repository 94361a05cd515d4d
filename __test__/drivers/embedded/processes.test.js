/** Several processes, workers and drivers over one file. */
import { createStorage } from "rustorage";
import { execFileSync } from "node:child_process";
import { linkSync, mkdirSync, readdirSync, readlinkSync, symlinkSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { once } from "node:events";
import { describe, expect, test } from "vitest";
import { DRIVERS, open } from "./drivers.js";
import { start } from "./processes.js";
import { folder } from "../../folder.js";

describe.each(DRIVERS)("%s", (name) => {
  test("processes that write at once lose nothing, and end by themselves", async () => {
    const path = join(folder(), "items");
    const storage = createStorage({ driver: open(name, path) });
    const settings = { name, path, count: 1000 };
    const programs = await Promise.all(
      ["one", "two", "three"].map((prefix) => start("writing", { ...settings, prefix })),
    );
    for (let number = 0; number < 300; number++) await storage.setItem(`own:${number}`, number);
    for (const { ended } of programs) {
      expect(await ended).toEqual({ code: 0, signal: null, lines: ["begins", "1000"] });
    }
    for (const [prefix, count] of [
      ["one", 1000],
      ["two", 1000],
      ["three", 1000],
      ["own", 300],
    ]) {
      expect(await storage.getKeys(prefix)).toHaveLength(count);
    }
    expect(["one", "two", "three"]).toContain(await storage.getItem("shared"));
  }, 60_000);

  test("what another process wrote is read at once, and an expiry seen", async () => {
    const path = join(folder(), "items");
    const storage = createStorage({ driver: open(name, path) });
    await storage.setItem("brief", "here", { ttl: 0.3 });
    const settings = { name, path, prefix: "other", count: 50 };
    const { ended } = await start("writing", settings);
    expect((await ended).code).toBe(0);
    expect(await storage.getItem("other:49")).toBe("xxxxxxxxxx");
    await sleep(300);
    expect(await storage.hasItem("brief")).toBe(false);
    expect(await storage.getKeys()).not.toContain("brief");
  }, 30_000);

  test("a worker's calls, its end in the midst of them, and the file's other names", async () => {
    const base = folder();
    const path = join(base, "items");
    const storage = createStorage({ driver: open(name, path) });
    const file = new URL("programs/worker.js", import.meta.url);
    const worker = new Worker(file, { workerData: { name, path, count: 1e6 } });
    await once(worker, "message");
    await worker.terminate();
    expect(await storage.getItem("worker:9")).toBe(9);
    const link = join(base, "link");
    symlinkSync(base, link);
    const linked = createStorage({ driver: open(name, join(link, "items")) });
    for (let number = 0; number < 100; number++) {
      storage.setItem("turn", number);
      linked.setItem("turn", number + 1000);
      expect(await storage.getItem("turn")).toBe(number + 1000);
    }
  }, 30_000);

  test("dispose ends calls under way with their results, and the next call opens the file again", async () => {
    const driver = open(name, join(folder(), "items"));
    const storage = createStorage({ driver });
    await driver.dispose();
    for (let round = 0; round < 20; round++) {
      const writes = Array.from({ length: 20 }, (_, index) => storage.setItem(`a:${index}`, round));
      const reads = [storage.getItem("a:1"), storage.getKeys(), storage.getItems(["a:2"])];
      const disposed = storage.dispose();
      const later = storage.getItem("a:3");
      await Promise.all(writes);
      const [value, keys, [item]] = await Promise.all(reads);
      expect([value, keys.length, item.value]).toEqual([round, 20, round]);
      await Promise.all([disposed, driver.dispose()]);
      expect(await later).toBe(round);
    }
  });

  test.skipIf(process.platform !== "linux")(
    "what was disposed of stays closed",
    async () => {
      const base = folder();
      for (let round = 0; round < 100; round++) {
        const driver = open(name, join(base, `${round}`));
        const storage = createStorage({ driver });
        await storage.setItem("a", 1);
        // The first sweep comes ten milliseconds after a file was opened.
        const end = performance.now() + 9.5 + round * 0.015;
        while (performance.now() < end);
        const writes = ["b", "c", "d"].map((key) => storage.setItem(key, "x".repeat(100_000)));
        await Promise.all([...writes, driver.dispose()]);
      }
      const left = () =>
        readdirSync("/proc/self/fd").filter((number) => {
          try {
            return readlinkSync(`/proc/self/fd/${number}`).startsWith(base);
          } catch {
            // It was that of the list.
            return false;
          }
        });
      await sleep(200);
      expect(left()).toEqual([]);
    },
    30_000,
  );

  test("calls of one turn take effect in their order", async () => {
    const storage = createStorage({ driver: open(name, join(folder(), "items")) });
    const seen = [];
    const calls = [];
    for (let number = 0; number < 50; number++) {
      calls.push(storage.setItem("item", number));
      calls.push(storage.getItem("item").then((value) => seen.push(value)));
      calls.push(storage.getKeys().then((keys) => expect(keys).toContain("item")));
      if (number % 10 === 9) {
        calls.push(storage.clear());
        calls.push(storage.hasItem("item").then((has) => expect(has).toBe(false)));
      }
    }
    await Promise.all(calls);
    expect(seen).toEqual(Array.from({ length: 50 }, (_, number) => number));
  });

  test("a later write takes an earlier expiry away", async () => {
    const path = join(folder(), "items");
    const storage = createStorage({ driver: open(name, path) });
    await storage.setItem("stays", 1, { ttl: 100 });
    await storage.setItem("again", 1, { ttl: 0.05 });
    await storage.setItem("again", 2);
    await storage.setItem("later", 1, { ttl: 0.05 });
    await storage.setItem("later", 2, { ttl: 100 });
    const brief = Array.from({ length: 500 }, (_, index) => ({ key: `brief:${index}`, value: 1 }));
    await storage.setItems(brief, { ttl: 0.05 });
    await sleep(100);
    expect((await storage.getKeys()).sort()).toEqual(["again", "later", "stays"]);
    // When it was swept, too.
    await sleep(1500);
    expect((await storage.getKeys()).sort()).toEqual(["again", "later", "stays"]);
    expect(await storage.getItem("again")).toBe(2);
    expect(await storage.getItem("later")).toBe(2);
  }, 30_000);

  test("keys of any length, their lists, and their ttl", async () => {
    const storage = createStorage({ driver: open(name, join(folder(), "items")) });
    const long = "é".repeat(600);
    const keys = [long, `${long}:a`, `${long}:b`, `${long}:b:${long}`, `${long}x:a`];
    await storage.setItems(keys.map((key) => ({ key, value: key })));
    expect((await storage.getItems(keys)).map(({ value }) => value)).toEqual(keys);
    expect((await storage.getKeys(long)).sort()).toEqual(keys.slice(1, 4).sort());
    for (const key of keys) await storage.setItem(key, 1, { ttl: 0.02 });
    await storage.setItem(keys[0], 2);
    await sleep(40);
    expect(await storage.getKeys()).toEqual([keys[0]]);
    await storage.clear(long);
    await storage.removeItem(keys[0]);
    expect(await storage.getKeys()).toEqual([]);
  });

  test("many files that are written, listed, grown and closed at once", async () => {
    const base = folder();
    const options = name === "lmdb" ? { mapSize: 1 << 19 } : {};
    const drivers = Array.from({ length: 16 }, (_, index) =>
      open(name, join(base, `${index}`), { ...options, sync: "none" }),
    );
    const storages = drivers.map((driver) => createStorage({ driver }));
    await Promise.all(storages.map((storage) => storage.setItem("first", 1)));
    const lists = storages.map((storage, index) => {
      storage.setItem("second", 2);
      storage.getKeys();
      storage.setItem("large", "x".repeat(3e6));
      const listed = storage.getKeys();
      drivers[index].dispose();
      return listed;
    });
    for (const keys of await Promise.all(lists)) expect(keys).toHaveLength(3);
  }, 30_000);

  test("a file with several names is refused, as locks lie beside one of them", async () => {
    const path = join(folder(), "items");
    const driver = open(name, path);
    const storage = createStorage({ driver });
    await storage.setItem("a", 1);
    await driver.dispose();
    linkSync(path, `${path}-other`);
    for (const each of [path, `${path}-other`]) {
      const other = createStorage({ driver: open(name, each) });
      await expect(other.setItem("a", 2)).rejects.toMatchObject({ code: "EMLINK" });
      await other.dispose();
      const reader = createStorage({ driver: open(name, each, { readOnly: true }) });
      await expect(reader.getKeys()).rejects.toMatchObject({ code: "EMLINK" });
      await reader.dispose();
    }
    unlinkSync(`${path}-other`);
    expect(await storage.getItem("a")).toBe(1);
  });

  test("what is no file is refused, and not waited for", async () => {
    const base = folder();
    const pipe = join(base, "pipe");
    execFileSync("mkfifo", [pipe]);
    for (const [path, code] of [
      [base, "EISDIR"],
      [pipe, "EINVAL"],
    ]) {
      for (const readOnly of [true, false]) {
        const storage = createStorage({ driver: open(name, path, { readOnly }) });
        await expect(storage.getKeys()).rejects.toMatchObject({ code, operation: "getKeys" });
        await storage.dispose();
      }
    }
    expect(readdirSync(base)).toEqual(["pipe"]);
  });

  test("a link to a file that is not made yet", async () => {
    const base = folder();
    const path = join(base, "link");
    mkdirSync(join(base, "there"));
    symlinkSync(join("there", "items"), path);
    const linked = createStorage({ driver: open(name, path) });
    await linked.setItem("a", 1);
    const named = createStorage({ driver: open(name, join(base, "there", "items")) });
    await Promise.all([named.setItem("b", 2), linked.setItem("c", 3)]);
    expect(await linked.getKeys()).toEqual(["a", "b", "c"]);
    expect(await named.getKeys()).toEqual(["a", "b", "c"]);
    expect(readdirSync(base).sort()).toEqual(["link", "there"]);
  });

  test("drivers of one process that disagree about the file", async () => {
    const path = join(folder(), "items");
    const storage = createStorage({ driver: open(name, path) });
    await storage.setItem("a", 1);
    const other = createStorage({ driver: open(name, path, { sync: "none" }) });
    await expect(other.getItem("a")).rejects.toMatchObject({
      code: "INVALID_OPTIONS",
      driver: name,
    });
    await expect(other.setItem("a", 2)).rejects.toMatchObject({ code: "INVALID_OPTIONS" });
    await storage.dispose();
    expect(await other.getItem("a")).toBe(1);
    await expect(storage.getKeys()).rejects.toMatchObject({ code: "INVALID_OPTIONS" });
  });
});
