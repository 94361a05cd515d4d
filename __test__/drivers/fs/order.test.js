/** Calls on one file take effect in the order they were made, whoever makes them; calls on other files do not wait. */
import { createStorage } from "rustorage";
import fs from "rustorage/drivers/fs";
import { once } from "node:events";
import { linkSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { expect, test } from "vitest";
import { folder } from "../../folder.js";

test("across instances, mounts and names of the base", async () => {
  const root = folder();
  mkdirSync(join(root, "data"));
  symlinkSync(join(root, "data"), join(root, "link"));
  symlinkSync("data", join(root, "inner"));
  const storage = createStorage({ driver: fs({ base: root }) })
    .mount("second", fs({ base: join(root, "data") }))
    .mount("third", fs({ base: join(root, "link") }));
  const names = ["data:item", "second:item", "third:item", "inner:item"];
  for (let round = 0; round < 100; round++) {
    const answers = [];
    for (let index = 0; index < 6; index++) {
      void storage.setItem(names[index % 4], `${round} ${index}`);
      answers.push(storage.getItem(names[(index + round) % 4]));
    }
    expect(await Promise.all(answers)).toEqual(
      [0, 1, 2, 3, 4, 5].map((index) => `${round} ${index}`),
    );
  }
});

/** Writes, reads and removes one file under all of its names, and expects what calls in this order come to. */
async function expectOrder(storage, names) {
  for (let round = 0; round < 100; round++) {
    const [answers, expected] = [[], []];
    for (let index = 0; index < 6; index++) {
      const value = `${round} ${index}`.padEnd(index % 2 === 0 ? 20_000 : 10, ".");
      void storage.setItem(names[index % names.length], value);
      const other = names[(index + round) % names.length];
      answers.push(storage.getItem(other), storage.hasItem(other), storage.getMeta(other));
      expected.push(value, true, value.length);
    }
    answers.push(storage.getItems(names));
    expected.push(names.map((key) => ({ key, value: expected.at(-3) })));
    const found = await Promise.all(answers);
    expect(found.map((answer) => answer?.size ?? answer)).toEqual(expected);
  }
}

test.each([{}, { atomic: false }])("across links to a file, and its names: %j", async (options) => {
  const [base, outside] = [folder(), folder()];
  writeFileSync(join(base, "file"), "");
  linkSync(join(base, "file"), join(outside, "hard"));
  symlinkSync("file", join(base, "soft"));
  symlinkSync(join(base, "soft"), join(outside, "far"));
  const storage = createStorage({ driver: fs({ base, ...options }) }).mount(
    "outside",
    fs({ base: outside, ...options }),
  );
  await expectOrder(storage, ["file", "soft", "outside:hard", "outside:far"]);
});

test("across a link and the file that is made through it", async () => {
  const base = folder();
  mkdirSync(join(base, "dir"));
  symlinkSync("dir/../dir/file", join(base, "soft"));
  const storage = createStorage({ driver: fs({ base }) });
  for (let round = 0; round < 50; round++) {
    void storage.setItem("soft", "x".repeat(100_000));
    void storage.setItem("dir:file", round);
    expect(await storage.getItem("soft")).toBe(round);
    await storage.removeItem("dir:file");
  }
});

test("across links that were made or replaced while drivers were open", async () => {
  const root = folder();
  for (const name of ["first/dir", "second"]) mkdirSync(join(root, name), { recursive: true });
  symlinkSync("first", join(root, "link"));
  const at = (name) => fs({ base: join(root, name) });
  const storage = createStorage({ driver: at("second") })
    .mount("link", at("link"))
    .mount("later", at("later"))
    .mount("first", at("first"));
  await expectOrder(storage, ["first:dir:item", "link:dir:item"]);
  rmSync(join(root, "link"));
  symlinkSync("second", join(root, "link"));
  symlinkSync("second", join(root, "later"));
  await expectOrder(storage, ["item", "link:item", "later:item"]);
  rmSync(join(root, "first/dir"), { recursive: true });
  symlinkSync("../second", join(root, "first/dir"));
  await expectOrder(storage, ["item", "first:dir:item"]);
});

test("across threads: what is written before a message is read after it", async () => {
  const base = folder();
  const worker = new Worker(new URL("programs/echo.js", import.meta.url), { workerData: { base } });
  const storage = createStorage({ driver: fs({ base }) });
  try {
    for (let round = 0; round < 200; round++) {
      const large = storage.setItem("large", `${round}`.padEnd(200_000, "x"));
      const item = storage.setItem("item", round);
      worker.postMessage("item");
      const seen = await new Promise((resolve) => worker.once("message", resolve));
      expect(seen).toBe(round);
      await Promise.all([large, item]);
    }
  } finally {
    await worker.terminate();
  }
});

test("lists, clears and batches come after earlier calls and before later ones", async () => {
  const storage = createStorage({ driver: fs({ base: folder() }) });
  for (let round = 0; round < 50; round++) {
    void storage.setItem("a:1", round);
    void storage.setItem("a:2", round);
    const batch = storage.getItems(["a:1", "a:2"]);
    void storage.setItem("a:1", "later");
    const before = storage.getKeys("a");
    void storage.clear("a");
    const after = storage.getKeys("a");
    void storage.setItem("a:3", round);
    const end = storage.getKeys();
    expect(await batch).toEqual([
      { key: "a:1", value: round },
      { key: "a:2", value: round },
    ]);
    expect((await before).sort()).toEqual(["a:1", "a:2"]);
    expect(await after).toEqual([]);
    expect(await end).toEqual(["a:3"]);
    await storage.removeItem("a:3");
  }
});

test("lists that wait for a busy thread hold up no calls of others", async () => {
  const base = folder();
  for (const name of ["ignored", "listed"]) writeFileSync(join(base, name), "");
  const signal = new Int32Array(new SharedArrayBuffer(4));
  const workerData = { base, signal };
  const worker = new Worker(new URL("programs/asking.js", import.meta.url), { workerData });
  const storage = createStorage({ driver: fs({ base: folder() }) });
  try {
    expect((await once(worker, "message"))[0]).toBe("busy");
    await Promise.all(
      Array.from({ length: 100 }, (_, index) => storage.setItem(`a:${index}`, index)),
    );
    await storage.setItemRaw("large", Buffer.alloc(2 << 20));
    expect(await storage.getKeys("a")).toHaveLength(100);
    expect(await storage.getItemRaw("large")).toHaveLength(2 << 20);
    Atomics.store(signal, 0, 1);
    Atomics.notify(signal, 0);
    const [lists] = await once(worker, "message");
    expect(lists).toEqual(Array.from({ length: 20 }, () => ["listed"]));
  } finally {
    await worker.terminate();
  }
});

test("large values hold up their own file alone", async () => {
  const storage = createStorage({ driver: fs({ base: folder() }) }).mount(
    "other",
    fs({ base: folder() }),
  );
  const settled = [];
  const note = (name) => () => settled.push(name);
  const large = Buffer.alloc(30 * 1024 * 1024, "x");
  const calls = [];
  for (let index = 0; index < 10; index++) calls.push(storage.setItemRaw("large", large));
  calls.push(storage.getItem("large", { type: "bytes" }).then(note("large")));
  for (let index = 0; index < 20; index++) {
    calls.push(storage.setItem(`small:${index}`, index).then(note("small")));
  }
  calls.push(storage.getKeys("other").then(note("list")));
  await Promise.all(calls);
  expect(settled.at(-1)).toBe("large");
  expect(settled).toHaveLength(22);
});
