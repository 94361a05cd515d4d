/** Calls everything once, under whatever runtime runs it, and prints what failed as JSON. The folder to keep files in is the argument. */
import {
  createStorage,
  isNative,
  isStorageError,
  prefixStorage,
  restoreSnapshot,
  snapshot,
  useStorage,
} from "rustorage";
import fs from "rustorage/drivers/fs";
import lmdb from "rustorage/drivers/lmdb";
import lruCache from "rustorage/drivers/lru-cache";
import sqlite from "rustorage/drivers/sqlite";
import memory from "rustorage/drivers/memory";
import { createStorageHandler, createStorageServer } from "rustorage/server";
import { withTracing } from "rustorage/tracing";
import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import { tracingChannel } from "node:diagnostics_channel";
import { once } from "node:events";
import { existsSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";

const folder = process.argv[2];
const program = new URL("worker.js", import.meta.url);

/** Files are unstorage's on Windows. */
const ownsFiles = process.platform !== "win32";

const FILES = {
  fs: () => fs({ base: join(folder, `fs-${Math.random()}`) }),
  "fs from a config": () =>
    fs({ "rustorage:mount": "files", base: join(folder, `{{NONE:config-${Math.random()}}}`) }),
};

const DRIVERS = {
  memory: () => memory(),
  "lru-cache": () => lruCache({ max: 1000 }),
  lmdb: () => lmdb({ path: join(folder, `lmdb-${Math.random()}`) }),
  sqlite: () => sqlite({ path: join(folder, `sqlite-${Math.random()}`) }),
  ...(ownsFiles && FILES),
};

/** What is done with each driver, in a storage where it is at `at:`. */
const METHODS = {
  async items(storage) {
    assert.equal(await storage.getItem("at:a"), null);
    await storage.setItem("at:a", { n: 1, text: "Ünïcödé 🎈" });
    assert.deepEqual(await storage.getItem("at:a"), { n: 1, text: "Ünïcödé 🎈" });
    assert.equal(await storage.hasItem("at:a"), true);
    await storage.set("at/b", "text");
    assert.equal(await storage.get("at:b"), "text");
    assert.equal(await storage.has("at:c"), false);
    assert.deepEqual(
      await storage.getItem("at:b", { type: "bytes" }),
      new TextEncoder().encode("text"),
    );
    await storage.removeItem("at:a");
    await storage.del("at:b");
    assert.deepEqual(await storage.getKeys(), []);
  },
  async batches(storage) {
    const items = Array.from({ length: 100 }, (_, index) => ({
      key: `at:k${index}`,
      value: index,
    }));
    await storage.setItems(items);
    assert.deepEqual(await storage.getItems(items.map(({ key }) => key)), items);
    assert.equal((await storage.keys("at")).length, 100);
  },
  async raw(storage) {
    const bytes = Uint8Array.from([0, 255, 128, 10]);
    await storage.setItemRaw("at:raw", bytes);
    assert.deepEqual(Uint8Array.from(await storage.getItemRaw("at:raw")), bytes);
    const large = new Uint8Array(3_000_000).fill(7);
    await storage.setItemRaw("at:large", large);
    assert.equal(Buffer.compare(await storage.getItemRaw("at:large"), large), 0);
  },
  async meta(storage) {
    await storage.setItem("at:a", 1);
    await storage.setMeta("at:a", { by: "me", mtime: new Date(5) });
    const { by, mtime } = await storage.getMeta("at:a");
    assert.deepEqual([by, mtime], ["me", new Date(5)]);
    assert.deepEqual(await storage.getKeys(), ["at:a"]);
    await storage.removeMeta("at:a");
    assert.equal((await storage.getMeta("at:a")).by, undefined);
  },
  async ttl(storage) {
    await storage.setItem("at:short", 1, { ttl: 0.05 });
    await storage.setItem("at:long", 1, { ttl: 60 });
    await sleep(100);
    assert.equal(await storage.getItem("at:short"), null);
    assert.equal(await storage.getItem("at:long"), 1);
    assert.deepEqual(await storage.getKeys(), ["at:long"]);
  },
  async clear(storage) {
    for (const key of ["at:a:1", "at:a:2", "at:b", "other"]) await storage.setItem(key, 1);
    await storage.clear("at:a");
    assert.deepEqual((await storage.getKeys()).toSorted(), ["at:b", "other"]);
    await storage.clear();
    assert.deepEqual(await storage.getKeys(), []);
  },
  async views(storage) {
    const view = prefixStorage(storage, "at:view");
    await view.setItem("a", 1);
    assert.deepEqual(await view.getKeys(), ["a"]);
    assert.deepEqual(await snapshot(storage, "at"), { "view:a": 1 });
    await restoreSnapshot(storage, { b: "text" }, "at");
    assert.equal(await storage.getItem("at:b"), "text");
  },
  async errors(storage) {
    for (const call of [() => storage.getItem("at:.."), () => storage.setItem("", 1)]) {
      const error = await call().catch((reason) => reason);
      assert.equal(isStorageError(error) && error.code, "INVALID_KEY");
    }
    await assert.rejects(storage.setItem("at:a", new Map()), { code: "INVALID_VALUE" });
  },
  async events(storage) {
    const events = [];
    const unwatch = await storage.watch((event, key) => events.push(`${event} ${key}`));
    await storage.setItem("at:seen", 1);
    for (let tries = 0; !events.includes("update at:seen"); tries++) {
      assert.ok(tries < 200, "no event came");
      await sleep(50);
    }
    await unwatch();
  },
  async context(storage) {
    const context = new AsyncLocalStorage();
    const seen = context.run("mine", async () => {
      await storage.setItem("at:a", 1);
      await storage.getItem("at:a");
      await storage.getKeys("at");
      return context.getStore();
    });
    assert.equal(await seen, "mine");
  },
  async "calls in flight"(storage) {
    const numbers = Array.from({ length: 500 }, (_, index) => index);
    await Promise.all(numbers.map((index) => storage.setItem(`at:n${index}`, index)));
    const read = await Promise.all(numbers.map((index) => storage.getItem(`at:n${index}`)));
    assert.deepEqual(read, numbers);
    await Promise.all(numbers.map((index) => storage.setItem("at:same", index)));
    assert.equal(await storage.getItem("at:same"), 499);
  },
  async "mounts and dispose"(storage) {
    assert.equal(isNative(storage.getMount("at:a").driver), true);
    assert.deepEqual(
      storage.getMounts().map(({ base }) => base),
      ["at:", ""],
    );
    await storage.dispose();
    await storage.setItem("at:a", 1);
    assert.equal(await storage.getItem("at:a"), 1);
    await storage.unmount("at");
    assert.equal(await storage.getItem("at:a"), null);
  },
};

const STEPS = {
  async "a server of web requests"() {
    const storage = createStorage();
    const handle = createStorageHandler(storage, { authorize() {}, maxBodySize: 100_000 });
    await askServer(storage, (path, init) => handle(new Request(`http://localhost${path}`, init)));
  },
  async "a server of Node's requests"() {
    const storage = createStorage();
    const { handle } = createStorageServer(storage, { authorize() {}, maxBodySize: 100_000 });
    const server = createServer(handle).listen(0, "127.0.0.1");
    await once(server, "listening");
    const url = `http://127.0.0.1:${server.address().port}`;
    await askServer(storage, (path, init) => fetch(url + path, init));
    server.closeAllConnections();
    server.close();
  },
  async tracing() {
    const storage = withTracing(createStorage().mount("at", memory()));
    const heard = [];
    const handlers = {
      start: ({ keys, base }) => heard.push(["start", ...keys, base]),
      asyncEnd: ({ result }) => heard.push(["end", result]),
    };
    const channel = tracingChannel("unstorage.getItem");
    channel.subscribe(handlers);
    await storage.setItem("at:a", 1);
    await storage.getItem("at/a");
    channel.unsubscribe(handlers);
    await storage.getItem("at:a");
    assert.deepEqual(heard, [
      ["start", "at:a", "at:"],
      ["end", 1],
    ]);
  },

  async "an error of the system"() {
    const file = join(folder, "no-folder");
    writeFileSync(file, "");
    const drivers = [sqlite({ path: join(file, "items") }), ownsFiles && fs({ base: file })];
    for (const driver of drivers.filter(Boolean)) {
      const call = createStorage({ driver }).setItem("a", 1);
      await assert.rejects(call, { driver: driver.name, operation: "setItem", key: "a" });
    }
  },
  async "what a callback throws reaches the caller"() {
    const dispose = () => {
      throw new Error("thrown in dispose");
    };
    const storage = createStorage({ driver: lruCache({ max: 1, dispose }) });
    await storage.setItem("a", 1);
    await assert.rejects(storage.setItem("b", 1), /thrown in dispose/);
  },
  async useStorage() {
    await useStorage("data").setItem("a", 1);
    assert.equal(existsSync(join(process.cwd(), ".data/kv/a")), true);
  },
  async "workers that end by themselves"() {
    const base = join(folder, "workers");
    const answers = await Promise.all([1, 2, 3, 4].map((name) => work({ base, name })));
    assert.deepEqual(answers, [200, 200, 200, 200]);
    assert.equal((await createStorage({ driver: fs({ base }) }).getKeys()).length, 800);
  },
  async "workers that are terminated with calls in flight"() {
    const base = join(folder, "terminated");
    for (const name of [1, 2, 3]) await terminate({ base, name, stays: true });
    const storage = createStorage({ driver: fs({ base }) });
    await storage.setItem("after", 1);
    assert.equal(await storage.getItem("after"), 1);
  },
};

const RAW = { accept: "application/octet-stream" };

/** Asks for what a server does, by `ask(path, init)`. */
async function askServer(storage, ask) {
  const body = new Blob(["0123456789"]).stream();
  const headers = { "content-type": RAW.accept };
  await ask("/a/b%20c", { method: "PUT", body, headers, duplex: "half" });
  assert.equal(new TextDecoder().decode(await storage.getItemRaw("a:b c")), "0123456789");
  const part = await ask("/a/b%20c", { headers: { ...RAW, range: "bytes=2-4" } });
  assert.deepEqual([part.status, await part.text()], [206, "234"]);
  assert.deepEqual(await (await ask("/a/")).json(), ["a/b c"]);
  assert.equal((await ask("/a/%2E%2e%2fb")).status, 400);
  const large = await ask("/a/large", { method: "PUT", body: "x".repeat(200_000) });
  assert.deepEqual([large.status, (await large.json()).status], [413, 413]);
  assert.equal((await ask("/", { method: "DELETE" })).status, 200);
  assert.deepEqual(await storage.getKeys(), []);
}

/** What the worker says when it is done. It has to end by itself then. */
function work(workerData) {
  return new Promise((resolve, reject) => {
    const worker = new Worker(program, { workerData });
    let answer;
    worker.on("message", (message) => (answer = message));
    worker.on("error", reject);
    worker.on("exit", () => resolve(answer));
  });
}

function terminate(workerData) {
  return new Promise((resolve, reject) => {
    const worker = new Worker(program, { workerData });
    worker.on("error", reject);
    worker.once("message", () => resolve(worker.terminate()));
  });
}

for (const [driver, create] of Object.entries(DRIVERS)) {
  for (const [method, step] of Object.entries(METHODS)) {
    STEPS[`${driver}: ${method}`] = () => step(createStorage().mount("at", create()));
  }
}

const failed = {};
for (const [name, step] of Object.entries(STEPS)) {
  try {
    await step();
  } catch (error) {
    failed[name] = String(error?.stack ?? error);
  }
}
console.log(JSON.stringify({ steps: Object.keys(STEPS).length, failed }));
