/** `rustorage` on the command line. */
import { createStorage } from "rustorage";
import fs from "rustorage/drivers/fs";
import db0 from "rustorage/drivers/db0";
import lmdb from "rustorage/drivers/lmdb";
import { createDatabase } from "db0";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createStorage as createTheirs } from "unstorage";
import theirs from "unstorage/drivers/db0";
import { expect, onTestFinished, test, vi } from "vitest";
import { copy } from "../js/cli/copy.js";
import { Items } from "../js/cli/items.js";
import { Progress, size } from "../js/cli/progress.js";
import { mapDriver } from "./conformance/map-driver.js";
import sqliteConnector from "./drivers/embedded/connector.js";
import { startRedis } from "./servers/redis.js";
import { folder } from "./folder.js";

const program = fileURLToPath(new URL("../js/cli/index.js", import.meta.url));

/** Runs it in the folder; gives what it said, and JSON where it printed some. */
function run(cwd, args, { input, env } = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], {
    cwd,
    input,
    encoding: "utf8",
    env: { ...process.env, ...env },
  });
  return {
    status,
    stdout,
    stderr,
    json: args.includes("--json") && stdout ? JSON.parse(stdout) : undefined,
  };
}

test("set, get, ls, stat and rm", () => {
  const cwd = folder();
  const at = "lmdb:./items.lmdb";
  expect(run(cwd, ["set", at, "users:1", '{"name":"Ada"}'])).toMatchObject({
    status: 0,
    stdout: "",
    stderr: "",
  });
  expect(run(cwd, ["set", at, "users/2"], { input: "text\n" }).status).toBe(0);
  expect(run(cwd, ["set", at, "brief", "x", "--ttl", "0.001"]).status).toBe(0);
  expect(run(cwd, ["get", at, "users:1"])).toMatchObject({ status: 0, stdout: '{"name":"Ada"}' });
  expect(run(cwd, ["get", at, "users:2", "--json"]).json).toEqual({
    key: "users:2",
    size: 5,
    value: "text\n",
  });
  expect(run(cwd, ["get", at, "none"])).toMatchObject({
    status: 1,
    stdout: "",
    stderr: "there is no item none\n",
  });
  expect(run(cwd, ["ls", at])).toMatchObject({ status: 0, stdout: "users:1\nusers:2\n" });
  expect(run(cwd, ["ls", at, "none", "--json"]).json).toEqual([]);
  expect(run(cwd, ["stat", at, "--json"]).json).toEqual({
    driver: "lmdb",
    items: 2,
    bytes: 19,
    largest: 14,
  });
  expect(run(cwd, ["rm", at, "users:1", "none", "--json"]).json).toEqual({ removed: 1 });
  expect(run(cwd, ["rm", at, "--base", "users", "--json"]).json).toEqual({ removed: 1, left: 0 });
  expect(run(cwd, ["ls", at]).stdout).toBe("");
});

test("copies all items between drivers, whole, and passes over what is there", async () => {
  const cwd = folder();
  const server = await startRedis();
  onTestFinished(() => server.stop());
  const files = createStorage({ driver: fs({ base: join(cwd, "files") }) });
  const bytes = Buffer.from([0, 255, 128, 10]);
  await files.setItems(
    Array.from({ length: 300 }, (_, index) => ({
      key: `items:${index % 7}:${index}`,
      value: { index },
    })),
  );
  await files.setItemRaw("bytes", bytes);
  await files.setItem("empty", "");
  await files.setMeta("bytes", { note: "kept" });
  await files.setItem("line\nfeed é", 1);

  const dry = run(cwd, ["copy", "fs:./files", "lmdb:./a.lmdb", "--dry-run", "--json"]).json;
  expect(dry).toMatchObject({ items: 304, copied: 304, same: 0, dryRun: true, failed: [] });
  expect(existsSync(join(cwd, "a.lmdb"))).toBe(false);

  const way = [
    "fs:./files",
    "lmdb:./a.lmdb",
    "sqlite:./b.sqlite?tableName=t&busyTimeout=100",
    `redis://127.0.0.1:${server.port}/2`,
    "fs-lite:./last",
  ];
  for (let index = 1; index < way.length; index++) {
    const { status, json } = run(cwd, ["copy", way[index - 1], way[index], "--json"]);
    expect({ status, ...json }).toMatchObject({
      status: 0,
      items: 304,
      copied: 304,
      failed: [],
      bytes: dry.bytes,
    });
  }
  const last = createStorage({ driver: fs({ base: join(cwd, "last") }) });
  expect((await last.getKeys()).sort()).toEqual((await files.getKeys()).sort());
  expect(await last.getItemRaw("bytes")).toEqual(bytes);
  expect(await last.getItemRaw("empty")).toEqual(Buffer.alloc(0));
  expect((await last.getMeta("bytes")).note).toBe("kept");
  expect(await last.getItem("items:3:3")).toEqual({ index: 3 });

  await files.setItem("items:0:0", "changed");
  const again = run(cwd, ["copy", "fs:./files", "lmdb:./a.lmdb", "--json"]).json;
  expect(again).toMatchObject({ items: 304, copied: 1, same: 303 });
  const part = run(cwd, ["copy", "lmdb:./a.lmdb", "fs:./part", "--base", "items:0"]);
  expect(part.stdout).toMatch(/^43 items, .*: 43 copied, 0 there already, 0 gone meanwhile\n$/);
}, 60_000);

test("a copy that was killed goes on where it was", async () => {
  const cwd = folder();
  const source = createStorage({ driver: lmdb({ path: join(cwd, "from.lmdb") }) });
  const value = "x".repeat(2000);
  await source.setItems(Array.from({ length: 3000 }, (_, index) => ({ key: `k:${index}`, value })));
  await source.dispose();
  const child = spawn(
    process.execPath,
    [program, "copy", "lmdb:./from.lmdb", "lmdb:./to.lmdb?sync=none"],
    { cwd },
  );
  const ended = once(child, "close");
  const target = createStorage({ driver: lmdb({ path: join(cwd, "to.lmdb"), sync: "none" }) });
  onTestFinished(() => target.dispose());
  while ((await target.getKeys()).length < 100) await new Promise(setImmediate);
  child.kill("SIGKILL");
  await ended;
  // A commit that the kill met after all was written is seen by others when the next transaction finds that its writer has gone.
  await target.removeItem("none");
  const before = (await target.getKeys()).length;
  expect(before).toBeGreaterThanOrEqual(100);
  await target.dispose();
  const { status, json, stderr } = run(cwd, [
    "copy",
    "lmdb:./from.lmdb",
    "lmdb:./to.lmdb?sync=none",
    "--json",
  ]);
  expect({ status, stderr, ...json }).toMatchObject({
    status: 0,
    items: 3000,
    same: before,
    copied: 3000 - before,
    failed: [],
  });
  expect(await target.getKeys()).toHaveLength(3000);
}, 60_000);

test("an item's ttl goes along", async () => {
  const cwd = folder();
  run(cwd, ["set", "fs:./f", "brief", "x", "--ttl", "500"]);
  run(cwd, ["set", "fs:./f", "stays", "x"]);
  expect(run(cwd, ["copy", "fs:./f", "lmdb:./a", "--json"]).json.copied).toBe(2);
  expect(run(cwd, ["copy", "lmdb:./a", "sqlite:./b", "--json"]).json.copied).toBe(2);
  expect(run(cwd, ["copy", "sqlite:./b", "lmdb:./c", "--json"]).json.copied).toBe(2);
  const driver = lmdb({ path: join(cwd, "c") });
  onTestFinished(() => driver.dispose());
  const { ttl } = await driver.getMeta("brief");
  expect(ttl).toBeGreaterThan(400);
  expect(ttl).toBeLessThanOrEqual(500);
  expect((await driver.getMeta("stays")).ttl).toBeUndefined();
  // The same bytes with another end.
  await driver.setItem("brief", "x", {});
  await driver.dispose();
  expect(run(cwd, ["copy", "lmdb:./a", "lmdb:./c", "--json"]).json).toMatchObject({
    copied: 1,
    same: 1,
  });
  expect((await driver.getMeta("brief")).ttl).toBeGreaterThan(400);
});

test("what does not arrive as it was is told", async () => {
  const from = new Items(
    mapDriver(
      new Map([
        ["a", "1"],
        ["b", "2"],
        ["c", "3"],
      ]),
    ),
  );
  const kept = new Map();
  const lossy = {
    ...mapDriver(kept),
    setItem(key, value) {
      if (key === "a") kept.set(key, `${value}!`);
      if (key === "c") kept.set(key, value);
    },
  };
  const result = await copy(from, new Items(lossy), {});
  expect(result).toMatchObject({ items: 3, copied: 3, failed: ["a", "b"] });
});

test("large values are copied one at a time, and small ones many at once", async () => {
  const map = new Map(Array.from({ length: 200 }, (_, index) => [`k${index}`, "1"]));
  for (const [size, most] of [
    [2 ** 20, 64],
    [2 ** 25, 2],
    [2 ** 40, 1],
    [undefined, 64],
  ]) {
    let [reading, highest] = [0, 0];
    const source = {
      ...mapDriver(map),
      getMeta: () => ({ size }),
      async getItem(key) {
        highest = Math.max(highest, ++reading);
        await new Promise(setImmediate);
        reading--;
        return map.get(key);
      },
    };
    const result = await copy(new Items(source), new Items(mapDriver(new Map())), {});
    expect(result).toMatchObject({ items: 200, copied: 200, failed: [] });
    expect(highest).toBe(most);
  }
});

test("what expires while it is copied does not stay for ever", async () => {
  const map = new Map([["a", "1"]]);
  const source = { ...mapDriver(map), getMeta: (key) => void map.delete(key) };
  const kept = new Map();
  const result = await copy(new Items(source), new Items(mapDriver(kept)), {});
  expect(result).toMatchObject({ items: 1, copied: 0, gone: 1, failed: [] });
  expect(kept.size).toBe(0);
});

test("what is about to end is not copied for ever", async () => {
  const source = { ...mapDriver(new Map([["a", "1"]])), getMeta: () => ({ ttl: 0 }) };
  const kept = new Map();
  const result = await copy(new Items(source), new Items(mapDriver(kept)), {});
  expect(result).toMatchObject({ items: 1, copied: 0, gone: 1, failed: [] });
  expect(kept.size).toBe(0);
});

test("what is written again while it is copied has no second value", async () => {
  let writes = 0;
  const source = {
    ...mapDriver(new Map([["a", "1"]])),
    name: "sqlite",
    getItem: () => `value ${++writes}`,
  };
  const kept = new Map();
  const result = await copy(new Items(source), new Items(mapDriver(kept)), {});
  expect(result).toMatchObject({ items: 1, copied: 1, failed: [], errors: [] });
  expect(kept.get("a")).toBe("value 1");
});

test("a row of unstorage's with a text and a raw value is told, and not copied in part", async () => {
  vi.spyOn(console, "warn").mockImplementation(() => {});
  const cwd = folder();
  const database = createDatabase(sqliteConnector(join(cwd, "from")));
  const storage = createTheirs({ driver: theirs({ database }) });
  for (const key of ["both", "same"]) await storage.setItem(key, "text");
  await storage.setItemRaw("both", Buffer.from([0, 255]));
  await storage.setItemRaw("same", Buffer.from("text"));
  await storage.setItem("text", "é");
  await storage.setItemRaw("raw", Buffer.from([0, 255, 128]));
  // Its own driver reads each from its column.
  const kept = new Map();
  const copied = await copy(new Items(theirs({ database })), new Items(mapDriver(kept)), {});
  const errors = ["both has a text and a raw value, of which a copy would keep one"];
  expect(copied).toMatchObject({ items: 4, copied: 3, gone: 0, failed: ["both"], errors });
  expect(kept.get("text")).toBe("é");
  await database.dispose();
  for (const more of [["--dry-run"], []]) {
    const args = ["copy", "sqlite:./from", "sqlite:./to", "--json", ...more];
    const { status, json } = run(cwd, args);
    expect({ status, ...json }).toMatchObject({ status: 1, copied: 3, failed: ["both"], errors });
  }
  expect(run(cwd, ["ls", "sqlite:./to"]).stdout).toBe("raw\nsame\ntext\n");
});

test("an item's ttl goes along from db0 through its connector", async () => {
  const cwd = folder();
  const database = createDatabase(sqliteConnector(join(cwd, "from")));
  const from = new Items(db0({ database }));
  onTestFinished(() => from.dispose());
  await from.write("stays", Buffer.from("x"));
  await from.write("brief", Buffer.from("x"), 500);
  const to = new Items(lmdb({ path: join(cwd, "to") }));
  onTestFinished(() => to.dispose());
  expect(await copy(from, to, {})).toMatchObject({ copied: 2, failed: [] });
  const { life } = await to.facts("brief");
  expect(life).toBeGreaterThan(400);
  expect(life).toBeLessThanOrEqual(500);
  expect((await to.facts("stays")).life).toBeUndefined();
});

test("it ends quietly where nobody reads any more", async () => {
  const cwd = folder();
  const storage = createStorage({ driver: fs({ base: join(cwd, "f") }) });
  await storage.setItem("large", "x".repeat(2 ** 20));
  const child = spawn(process.execPath, [program, "get", "fs:./f", "large"], { cwd });
  let told = "";
  child.stderr.on("data", (text) => (told += text));
  child.stdout.once("data", () => child.stdout.destroy());
  const [status] = await once(child, "close");
  expect({ status, told }).toEqual({ status: 0, told: "" });
});

test("what would write nothing is refused, and so is a copy onto itself", () => {
  const cwd = folder();
  for (const at of ["lmdb:./items?", "sqlite:./table?", "fs:./files?"]) {
    expect(run(cwd, ["set", at, "a", "1"]).status).toBe(0);
    for (const args of [
      ["set", `${at}readOnly=true`, "a", "2"],
      ["rm", `${at}readOnly=true`, "a"],
      ["copy", "fs:./files", `${at}readOnly=true`],
    ]) {
      expect(run(cwd, args)).toMatchObject({
        status: 1,
        stderr: expect.stringContaining("has `readOnly`"),
      });
    }
    expect(run(cwd, ["get", `${at}readOnly=true`, "a"]).stdout).toBe("1");
  }
  symlinkSync("items", join(cwd, "link"));
  for (const [from, to] of [
    ["lmdb:./items", "lmdb:./items?sync=none"],
    ["lmdb:./items", "lmdb:./link"],
    ["sqlite:./table", "sqlite:./table?tableName=unstorage"],
  ]) {
    expect(run(cwd, ["copy", from, to])).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("both locations are the same database"),
    });
  }
  const other = run(cwd, ["copy", "sqlite:./table", "sqlite:./table?tableName=other", "--json"]);
  expect(other).toMatchObject({ status: 0, json: { copied: 1 } });
  // A life below 0 is over at once.
  expect(run(cwd, ["set", "lmdb:./items", "a", "2", "--ttl", "-1"]).status).toBe(0);
  expect(run(cwd, ["ls", "lmdb:./items"]).stdout).toBe("");
}, 60_000);

test("rm clears a base at once, and all only where it is told so", async () => {
  const clear = vi.fn();
  const items = new Items({ ...mapDriver(new Map([["a:b", "1"]])), clear });
  expect(await items.clear("")).toEqual({ removed: 0, left: 1 });
  expect(clear).toHaveBeenCalledOnce();
  const cwd = folder();
  const at = "lmdb:./items";
  const storage = createStorage({ driver: lmdb({ path: join(cwd, "items") }) });
  await storage.setItems(["a:1", "a:2", "a:2$", "b:1"].map((key) => ({ key, value: key })));
  await storage.dispose();
  for (const base of ["", ":", "/"]) {
    expect(run(cwd, ["rm", at, "--base", base])).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/^--base is empty: --all removes every item\n/),
    });
  }
  expect(run(cwd, ["rm", at, "--base", "a", "--all"]).status).toBe(2);
  expect(run(cwd, ["rm", at, "--base", "a", "--json"]).json).toEqual({ removed: 3, left: 0 });
  expect(run(cwd, ["rm", at, "--all", "--json"]).json).toEqual({ removed: 1, left: 0 });
  expect(run(cwd, ["ls", at]).stdout).toBe("");
  run(cwd, ["set", "fs:./f", "a", "1"]);
  expect(run(cwd, ["rm", "fs:./f?noClear=true", "--all"])).toMatchObject({
    status: 1,
    stderr: "1 items are still there\n",
  });
}, 60_000);

test("what is only read is not made", () => {
  const cwd = folder();
  for (const name of ["lmdb", "sqlite"]) {
    const at = `${name}:./none/items`;
    for (const args of [
      ["ls", at],
      ["get", at, "a"],
      ["stat", at],
      ["copy", at, "fs:./to"],
    ]) {
      expect(run(cwd, args)).toMatchObject({
        status: 1,
        stderr: expect.stringMatching(/there is no file/),
      });
    }
    run(cwd, ["set", "fs:./from", "a", "1"]);
    const dry = run(cwd, ["copy", "fs:./from", at, "--dry-run", "--json"]).json;
    expect(dry).toMatchObject({ items: 1, copied: 1 });
  }
  expect(readdirSync(cwd)).toEqual(["from"]);
}, 60_000);

test("what reads leaves a database as it is", () => {
  const cwd = folder();
  for (const at of ["lmdb:./items", "sqlite:./table"]) {
    expect(run(cwd, ["set", at, "a", "1"]).status).toBe(0);
    // Beside the file lie what LMDB locks, and SQLite's log, empty, until somebody has written.
    const files = () =>
      readdirSync(cwd)
        .filter((file) => !/^to$|-(?:lock|wal|shm)$/.test(file))
        .map((file) => [file, readFileSync(join(cwd, file), "hex")]);
    const before = files();
    expect(run(cwd, ["ls", at]).stdout).toBe("a\n");
    expect(run(cwd, ["get", at, "a"]).stdout).toBe("1");
    expect(run(cwd, ["stat", at, "--json"]).json.items).toBe(1);
    expect(run(cwd, ["copy", at, "fs:./to", "--json"]).json.items).toBe(1);
    expect(run(cwd, ["copy", "fs:./to", at, "--dry-run", "--json"]).json.same).toBe(1);
    expect(files()).toEqual(before);
  }
  const { status, stderr } = run(cwd, ["ls", "sqlite:./table?tableName=none"]);
  expect({ status, stderr }).toMatchObject({
    status: 1,
    stderr: expect.stringMatching(/no such table/),
  });
}, 60_000);

test("an item that the target refuses is told, and the others are copied", async () => {
  const kept = new Map();
  const from = new Items(mapDriver(new Map(Array.from({ length: 300 }, (_, i) => [`k${i}`, "v"]))));
  const refusing = (refuses) => ({
    ...mapDriver(kept),
    setItem(key, value) {
      if (refuses(key)) throw new Error(`no room for ${key}`);
      kept.set(key, value);
    },
  });
  const result = await copy(from, new Items(refusing((key) => key === "k7")), {});
  expect(result).toMatchObject({ items: 300, copied: 299, failed: ["k7"] });
  expect(result.errors).toEqual(["no room for k7"]);
  // Where nothing works, it ends, and nothing goes on.
  kept.clear();
  const progress = { begin() {}, advance() {}, end: vi.fn() };
  const ended = copy(from, new Items(refusing(() => true)), { progress });
  await expect(ended).rejects.toThrow("no room for");
  expect(progress.end).toHaveBeenCalledOnce();
});

test("a config's mounts, and options of the environment", () => {
  const cwd = folder();
  const config = { storage: { kv: { driver: "lmdb", path: "{{ITEMS}}" } } };
  writeFileSync(join(cwd, "config.json"), JSON.stringify(config));
  writeFileSync(join(cwd, "config.js"), `export default ${JSON.stringify(config)}`);
  const env = { ITEMS: "./here.lmdb" };
  expect(run(cwd, ["set", "mount:kv", "a", "1", "--config", "config.json"], { env }).status).toBe(
    0,
  );
  expect(run(cwd, ["ls", "mount:kv", "--config", "config.js"], { env }).stdout).toBe("a\n");
  expect(run(cwd, ["ls", "lmdb:{{ITEMS}}"], { env }).stdout).toBe("a\n");
  expect(existsSync(join(cwd, "here.lmdb"))).toBe(true);
  for (const [name, path] of [
    ["lmdb", "absent.lmdb"],
    ["sqlite", "absent.sqlite"],
  ]) {
    const file = `${name}.json`;
    const mounts = { kv: { driver: name, path: "{{ITEMS}}" } };
    writeFileSync(join(cwd, file), JSON.stringify({ storage: mounts }));
    for (const args of [["ls"], ["get", "a"], ["stat"], ["rm", "a"]]) {
      const [command, ...rest] = args;
      const given = [command, "mount:kv", ...rest, "--config", file];
      expect(run(cwd, given, { env: { ITEMS: path } })).toMatchObject({
        status: 1,
        stderr: expect.stringContaining("there is no file"),
      });
    }
    expect(readdirSync(cwd).filter((known) => known.startsWith("absent"))).toEqual([]);
  }
  const none = run(cwd, ["ls", "mount:none", "--config", "config.js"], { env });
  expect(none).toMatchObject({ status: 1, stderr: expect.stringContaining("no mount `none`") });
  writeFileSync(join(cwd, "broken.mjs"), "export default {");
  writeFileSync(join(cwd, "empty.mjs"), "");
  // What is quoted of a file could be a secret.
  writeFileSync(join(cwd, "broken.json"), '{ "a": 1,\n"b": s3cret }');
  writeFileSync(join(cwd, "comma.json"), '{ "b": "s3cret", }');
  writeFileSync(join(cwd, "short.json"), '{ "b": "s3cret"');
  writeFileSync(join(cwd, "quoted.mjs"), 'export default { a: "b" "s3cret" }');
  writeFileSync(join(cwd, "named.mjs"), "export default { a: b s3cret }");
  writeFileSync(
    join(cwd, "imports.mjs"),
    'export { default } from "./broken.json" with { type: "json" };',
  );
  for (const [file, message] of [
    ["imports.mjs", "broken.json: Unexpected token"],
    ["broken.mjs", "broken.mjs cannot be read: Unexpected end of input"],
    ["nonesuch.mjs", "nonesuch.mjs cannot be read: "],
    ["empty.mjs", "empty.mjs has no default export"],
    ["broken.json", "broken.json cannot be read: it is no JSON, at line 2, column 6"],
    ["comma.json", "comma.json cannot be read: it is no JSON, at line 1, column 18"],
    ["short.json", "short.json cannot be read: it is no JSON, at line 1, column 16"],
    ["nonesuch.json", "nonesuch.json cannot be read: ENOENT"],
    ["quoted.mjs", "quoted.mjs cannot be read: Unexpected string"],
    ["named.mjs", "named.mjs cannot be read: Unexpected identifier\n"],
  ]) {
    const { status, stderr } = run(cwd, ["ls", "mount:kv", "--config", file]);
    expect(status).toBe(1);
    expect(stderr).toContain(message);
    expect(stderr).not.toContain("s3cret");
  }
});

test("what it cannot do it says, with a status, and no secret", () => {
  const cwd = folder();
  expect(run(cwd, []).status).toBe(2);
  expect(run(cwd, ["copy", "fs:./a"])).toMatchObject({
    status: 2,
    stderr: "Usage: rustorage copy FROM TO [--base BASE] [--dry-run]\n",
  });
  expect(run(cwd, ["ls", "fs:./a", "--none"])).toMatchObject({
    status: 2,
    stderr: expect.stringContaining("--none"),
  });
  expect(run(cwd, ["--help"])).toMatchObject({
    status: 0,
    stdout: expect.stringContaining("copy FROM TO"),
  });
  const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  expect(run(cwd, ["--version"])).toMatchObject({ status: 0, stdout: `${version}\n` });
  const misunderstood = [
    [["cp", "fs:./a", "fs:./b"], /^There is no command cp\n/],
    [["set", "fs:./a", "b", "two", "words"], /^Too many arguments: words\nUsage: rustorage set/],
    [["ls", "fs:./a", "b", "c"], /^Too many arguments: c\n/],
    [["ls", "fs:./a", "b", "--base", "c"], /^Too many arguments: b\n/],
    [["stat", "fs:./a", "b", "--base", "c"], /^Too many arguments: b\n/],
    [["rm", "fs:./a"], /^Usage: rustorage rm /],
    [["rm", "fs:./a", "b", "--base", "c"], /^Too many arguments: b\n/],
    [["ls", "fs:./a", "--dry-run"], /^It takes no --dry-run\n/],
    [["set", "fs:./a", "b", "c", "--ttl", "1h"], /^--ttl takes a number of seconds/],
  ];
  for (const [args, message] of misunderstood) {
    expect(run(cwd, args)).toMatchObject({ status: 2, stderr: expect.stringMatching(message) });
  }
  expect(existsSync(join(cwd, "a"))).toBe(false);
  const refused = [
    ["lmdb:./a", /there is no file/],
    ["sqlite:./a", /there is no file/],
    ["nothing", /a location is a driver's URL/],
    ["mount:a", /needs --config/],
    ["nonesuch:./a", /there is no driver `nonesuch`/],
    ["memory:./a", /takes its options after `\?`/],
    ["lmdb:./a?sync=s3cret", /`sync` must be one of/],
    ["lmdb:./a?nonesuch=s3cret", /unknown field `nonesuch`/],
    ["redis://:s3cret@127.0.0.1:1?", /ECONNREFUSED/],
  ];
  for (const [location, message] of refused) {
    const { status, stderr, json } = run(cwd, ["ls", location, "--json"]);
    expect(status).toBe(1);
    expect(stderr).toMatch(message);
    expect(stderr).not.toContain("s3cret");
    expect(json).toEqual({ error: { code: expect.any(String), message: stderr.trimEnd() } });
  }
  expect(run(cwd, ["ls", "--json"])).toMatchObject({
    status: 2,
    json: { error: { code: "USAGE", message: expect.stringMatching(/^Usage: rustorage ls/) } },
  });
  expect(existsSync(join(cwd, "a"))).toBe(false);
  writeFileSync(join(cwd, "text"), "no database");
  const copied = run(cwd, ["copy", "lmdb:./text", "fs:./b"]);
  expect(copied).toMatchObject({ status: 1, stderr: expect.stringContaining("MDB_INVALID") });
  expect(readFileSync(join(cwd, "text"), "utf8")).toBe("no database");
}, 60_000);

test("the bar shows how many items and bytes there are", () => {
  const written = [];
  const progress = new Progress({ write: (text) => written.push(text) });
  progress.begin(2);
  progress.advance(2, 1_500_000);
  progress.end();
  expect(written[1]).toBe(`\r\x1b[K${"█".repeat(30)} 2/2 items, 1.5 MB`);
  expect([0, 999, 1000, 2e12].map(size)).toEqual(["0 bytes", "999 bytes", "1.0 KB", "2.0 TB"]);
});
