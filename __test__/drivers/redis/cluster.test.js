/** The redis driver on a cluster. */
import { setTimeout as sleep } from "node:timers/promises";
import { createStorage } from "rustorage";
import redis from "rustorage/drivers/redis";
import { createStorage as createStorage2 } from "unstorage";
import redis2 from "unstorage/drivers/redis";
import { afterAll, describe, expect, onTestFinished, test } from "vitest";
import { startProxy } from "../../servers/proxy.js";
import { freePort } from "../../servers/ports.js";
import { startCluster, startRedis } from "../../servers/redis.js";

const cluster = await startCluster({ replicas: 1 });
afterAll(() => cluster.stop());
const seeds = cluster.ports.slice(0, 2).map((port) => ({ host: "127.0.0.1", port }));

let bases = 0;

function openDriver(options) {
  const driver = redis({ cluster: seeds, base: `test${bases++}`, ...options });
  onTestFinished(() => driver.dispose());
  return driver;
}

function open(options) {
  return createStorage({ driver: openDriver(options) });
}

const keys = Array.from({ length: 300 }, (_, index) => `key:${index}`);
const items = keys.map((key, index) => ({ key, value: index }));

test("keys of all slots, one by one and in batches", async () => {
  const storage = open();
  await storage.setItems(items);
  expect(await storage.getItems(keys)).toEqual(items);
  expect((await storage.getKeys()).sort()).toEqual(keys.toSorted());
  await Promise.all(keys.map((key) => storage.setItem(key, "new")));
  expect(await Promise.all(keys.map((key) => storage.getItem(key)))).toEqual(keys.map(() => "new"));
  await storage.clear("key");
  expect(await storage.getKeys()).toEqual([]);
});

test("unstorage and ours read what the other wrote", async () => {
  const theirs = createStorage2({ driver: redis2({ cluster: seeds, base: "shared" }) });
  onTestFinished(() => theirs.dispose());
  const ours = open({
    base: "shared",
    cluster: cluster.ports.map((port) => `redis://127.0.0.1:${port}`),
  });
  await theirs.setItems(items.slice(0, 50));
  expect(await ours.getItems(keys.slice(0, 50))).toEqual(items.slice(0, 50));
  await ours.setItems(items.slice(50, 100));
  await expect.poll(() => theirs.getItem("key:99")).toBe(99);
  await ours.clear();
});

test("options for each server, as ioredis takes them", async () => {
  const driver = openDriver({
    clusterOptions: { redisOptions: { connectionName: "member" }, maxRedirections: 3 },
  });
  const connection = driver.getInstance();
  expect(await connection.command("SET", "own", 1)).toBe("OK");
  expect(await connection.command("CLIENT", "GETNAME")).toBe("member");
  expect(connection.status).toBe("ready");
});

test("commands of one's own keep the order on their key, wherever it stands", async () => {
  const driver = openDriver({ base: "" });
  const { command } = driver.getInstance();
  const storage = createStorage({ driver });
  await storage.setItems(items);
  for (const { key } of items.slice(0, 50)) {
    const scripted = command("EVAL", "return redis.call('SET', KEYS[1], 'script')", 1, key);
    const inverted = command("BITOP", "NOT", key, key);
    await Promise.all([scripted, inverted, storage.setItem(key, "later")]);
    expect(await storage.getItem(key)).toBe("later");
  }
  await storage.clear();
});

test("a seed that is down does not matter, no seed at all does", async () => {
  const storage = open({ cluster: [{ port: 1 }, ...seeds] });
  await storage.setItem("a", 1);
  expect(await storage.getItem("a")).toBe(1);
  const lost = open({ cluster: [1], maxRetriesPerRequest: 1, retryStrategy: 1 });
  await expect(lost.getItem("a")).rejects.toMatchObject({ code: "ECONNREFUSED", key: "a" });
  await expect(lost.getKeys()).rejects.toMatchObject({ code: "ECONNREFUSED" });
});

test("calls that do not wait fail at once while no server is reached", async () => {
  const storage = open({ cluster: [1], enableOfflineQueue: false });
  const start = Date.now();
  await expect(storage.getItem("a")).rejects.toMatchObject({ code: "ECONNREFUSED" });
  expect(Date.now() - start).toBeLessThan(2000);
});

test("a login that the URLs of all seeds name is for all servers", async () => {
  const everywhere = (...words) =>
    Promise.all(cluster.ports.map((port) => cluster.cli("-p", `${port}`, "acl", ...words)));
  await everywhere("setuser", "app", "on", ">s3cret", "~*", "+@all");
  onTestFinished(() => everywhere("deluser", "app"));
  const urls = (login) => seeds.map(({ port }) => `redis://${login}@127.0.0.1:${port}`);
  const asked = openDriver({ cluster: urls("app"), password: "s3cret" }).getInstance();
  expect(await asked.command("ACL", "WHOAMI")).toBe("app");
  const connection = openDriver({ cluster: urls("app:s3cret") }).getInstance();
  for (const key of ["a", "b", "c", "d"]) await connection.command("GET", key);
  const lists = await Promise.all(
    cluster.ports.map((port) => cluster.cli("-p", `${port}`, "client", "list")),
  );
  const users = lists.filter((list) => list.includes(" user=app "));
  // A master of which no seed tells is among them.
  expect(users.length).toBe(3);
});

test("a seed that says nothing does not keep the others from it", async () => {
  const proxy = await startProxy(cluster.ports[0]);
  onTestFinished(() => proxy.close());
  proxy.stall();
  const storage = open({ cluster: [proxy.port, ...seeds], commandTimeout: 5000 });
  await storage.setItem("a", 1);
});

test("a server that is cut off, and tells of the cluster as it was, keeps no slot to itself", async () => {
  const cutOff = await startRedis({ args: ["--cluster-enabled", "yes"] });
  onTestFinished(() => cutOff.stop());
  const { port } = cutOff;
  // Slots without a master make its cluster one that has failed.
  await cluster.cli("-p", `${port}`, "cluster", "addslotsrange", "0", "16000");
  await expect
    .poll(() => cluster.cli("-p", `${port}`, "set", "a", "1"))
    .toMatch("CLUSTERDOWN The cluster is down");
  const storage = open({ cluster: [port, ...seeds] });
  await storage.setItems(items);
  expect(await storage.getItems(keys)).toEqual(items);
  expect((await storage.getKeys()).length).toBe(items.length);
});

test("what is no string is nothing to getItems, as on one server", async () => {
  const storage = open({ base: "mixed" });
  await storage.setItem("text", 1);
  await cluster.cli("-c", "-p", `${cluster.ports[0]}`, "hset", "mixed:hash", "a", "b");
  const values = [
    { key: "hash", value: null },
    { key: "text", value: 1 },
  ];
  expect(await storage.getItems(["hash", "text"])).toEqual(values);
});

test("servers are reached where natMap says", async () => {
  const proxies = await Promise.all(cluster.ports.map((port) => startProxy(port)));
  onTestFinished(() => Promise.all(proxies.map((proxy) => proxy.close())));
  const places = cluster.ports.map((port, index) => [
    `127.0.0.1:${port}`,
    { host: "127.0.0.1", port: proxies[index].port },
  ]);
  const natMap = Object.fromEntries(places);
  const storage = open({ cluster: [proxies[0].port], clusterOptions: { natMap } });
  await storage.setItems(items);
  expect(await storage.getItems(keys)).toEqual(items);
  const connections = proxies.map(({ opened }) => Math.min(opened, 2));
  // One to each master, and one that asked for the slots.
  expect(connections.toSorted()).toEqual([0, 0, 0, 1, 1, 2]);
});

describe("a call that is sent to another master", () => {
  /** A storage that reaches all masters through proxies, and whose slot is moved from one to the next. */
  async function moving(tag, options) {
    const proxies = await Promise.all(cluster.ports.map((port) => startProxy(port)));
    onTestFinished(() => Promise.all(proxies.map((proxy) => proxy.close())));
    const places = cluster.ports.map((port, index) => [
      `127.0.0.1:${port}`,
      { host: "127.0.0.1", port: proxies[index].port },
    ]);
    const storage = open({ base: "", natMap: Object.fromEntries(places), ...options });
    const ask = (index, ...words) =>
      cluster.cli("-p", `${cluster.ports[index]}`, "cluster", ...words);
    const slot = (await ask(0, "keyslot", tag)).trim();
    // Each of three masters has a third of the slots.
    const from = Math.min(Math.floor(Number(slot) / 5461), 2);
    const to = (from + 1) % 3;
    const ids = await Promise.all([0, 1, 2].map((index) => ask(index, "myid")));
    expect(await storage.getItem(tag)).toBe(null);
    const move = async () => {
      await ask(to, "setslot", slot, "importing", ids[from].trim());
      for (const index of [to, from]) await ask(index, "setslot", slot, "node", ids[to].trim());
    };
    const pause = (...words) =>
      cluster.cli("-p", `${cluster.ports[from]}`, "client", ...words.map(String));
    return { storage, from: proxies[from], to: proxies[to], move, pause };
  }

  test("or again to the same, as its connection breaks, keeps its place before later ones", async () => {
    const { storage, from, pause } = await moving("order", { retryStrategy: 1 });
    await pause("pause", 60_000, "write");
    let pieces = from.pieces;
    const numbers = Array.from({ length: 10 }, (_, index) => index);
    const written = Promise.all(numbers.map((number) => storage.setItem("order", number)));
    // The commands; then what is said first on the next connection, and the commands again.
    for (const count of [1, 2]) {
      pieces += count;
      await expect.poll(() => from.pieces, { interval: 1 }).toBeGreaterThanOrEqual(pieces);
      from.cut("reset");
    }
    await pause("unpause");
    await written;
    expect(await storage.getItem("order")).toBe(9);
  });

  test("has the time that it had from the beginning", async () => {
    const { storage, from, to, move } = await moving("timed", { commandTimeout: 3000 });
    // Some are with the other master, where they will have more time left than the one that comes after them.
    const keys = Array.from({ length: 100 }, (_, index) => `k${index}`);
    await Promise.all(keys.map((key) => storage.getItem(key)));
    from.stall();
    to.stall();
    const start = performance.now();
    const late = expect(storage.getItem("timed")).rejects.toMatchObject({ code: "ETIMEDOUT" });
    await move();
    await sleep(1500 - (performance.now() - start));
    const others = Promise.allSettled(keys.map((key) => storage.getItem(key)));
    await sleep(100);
    from.go();
    await late;
    expect(performance.now() - start).toBeLessThan(4000);
    to.go();
    await others;
  });

  test("and not after dispose, which no connection is opened after", async () => {
    const { storage, from, to, move } = await moving("disposed");
    from.stall();
    const call = expect(storage.getItem("disposed")).rejects.toMatchObject({ code: "CLOSED" });
    await expect.poll(() => from.pieces).toBeGreaterThan(0);
    const disposed = storage.dispose();
    const opened = to.opened;
    await move();
    from.go();
    await call;
    await disposed;
    await sleep(100);
    expect(to.opened).toBe(opened);
  });
});

test("a clear that fails midway tells what is gone", async () => {
  const storage = open();
  await storage.setItems(items);
  const [port] = cluster.ports;
  const rule = (text) => cluster.cli("-p", `${port}`, "acl", "setuser", "default", text);
  await rule("-unlink");
  onTestFinished(() => rule("+unlink"));
  const gone = [];
  await storage.watch((event, key) => gone.push(`${event} ${key}`));
  await expect(storage.clear()).rejects.toMatchObject({ code: "NOPERM", operation: "clear" });
  const left = await storage.getKeys();
  expect(left.length).toBeGreaterThan(0);
  expect(gone.length).toBeGreaterThan(0);
  const both = [...left.map((key) => `remove ${key}`), ...gone].toSorted();
  expect(both).toEqual(keys.map((key) => `remove ${key}`).toSorted());
});

test("is of use again after dispose", async () => {
  const storage = open();
  await storage.setItem("a", 1);
  await storage.dispose();
  await storage.dispose();
  expect(await storage.getItem("a")).toBe(1);
});

describe("slots that move under load", () => {
  const moved = "{moved}";
  const { ports, cli } = cluster;

  const nodes = async (port = ports[0]) => {
    const lines = (await cli("-p", `${port}`, "cluster", "nodes")).trim().split("\n");
    return lines
      .map((line) => line.split(" "))
      .filter(([, , flags]) => flags.includes("master") && !flags.includes("fail"))
      .map(([id, address, , , , , , , ...ranges]) => ({
        id,
        port: address.split("@")[0].split(":")[1],
        ranges: ranges
          .filter((range) => !range.startsWith("["))
          .map((range) => range.split("-").map(Number)),
      }));
  };

  test("lose no write, and keep the order on each key", async () => {
    const storage = open({ base: moved });
    const slot = Number(await cli("-p", `${ports[0]}`, "cluster", "keyslot", moved));
    const names = Array.from({ length: 20 }, (_, index) => `k${index}`);
    await storage.setItems(names.map((key) => ({ key, value: 0 })));
    let going = true;
    let rounds = 0;
    const load = (async () => {
      for (let round = 1; going; round++) {
        const calls = names.flatMap((key) => [
          storage.setItem(key, -round),
          storage.setItem(key, round),
          storage.getItem(key).then((value) => expect(value).toBe(round)),
        ]);
        await Promise.all(calls);
        rounds = round;
      }
    })();
    for (let pass = 0; pass < 4; pass++) {
      const masters = await nodes();
      const owns = ({ ranges }) =>
        ranges.some(([first, last = first]) => first <= slot && slot <= last);
      const from = masters.find(owns);
      const to = masters.find((node) => node !== from);
      await cli("-p", to.port, "cluster", "setslot", `${slot}`, "importing", from.id);
      await cli("-p", from.port, "cluster", "setslot", `${slot}`, "migrating", to.id);
      const before = rounds;
      await expect.poll(() => rounds).toBeGreaterThan(before);
      for (;;) {
        const list = await cli("-p", from.port, "cluster", "getkeysinslot", `${slot}`, "5");
        const some = list.trim().split("\n").filter(Boolean);
        if (some.length === 0) break;
        await cli(
          "-p",
          from.port,
          "migrate",
          "127.0.0.1",
          to.port,
          "",
          "0",
          "5000",
          "keys",
          ...some,
        );
      }
      for (const { port } of [to, from])
        await cli("-p", port, "cluster", "setslot", `${slot}`, "node", to.id);
      const after = rounds;
      await expect.poll(() => rounds).toBeGreaterThan(after);
    }
    going = false;
    await load;
    for (const key of names) expect(await storage.getItem(key)).toBe(rounds);
  });

  test("a master that says nothing is found out by one call, and the others are answered by who took over", async () => {
    const storage = open({ base: moved, commandTimeout: 5000 });
    await storage.setItem("a", 1);
    const slot = Number(await cli("-p", `${ports[0]}`, "cluster", "keyslot", moved));
    const owner = async (port) => {
      const covers = ([first, last = first]) => first <= slot && slot <= last;
      return (await nodes(port)).find(({ ranges }) => ranges.some(covers))?.port;
    };
    const silent = await owner();
    const other = ports.find((port) => `${port}` !== silent);
    const { pid } = cluster.servers.find(({ port }) => `${port}` === silent);
    process.kill(pid, "SIGSTOP");
    try {
      // Nobody tells the driver.
      const known = expect.poll(() => owner(other), { timeout: 20_000 });
      await known.toSatisfy((port) => port && port !== silent);
      const first = expect(storage.setItem("a", 2)).rejects.toMatchObject({ code: "ETIMEDOUT" });
      await sleep(2500);
      const second = storage.setItem("a", 3);
      await first;
      await second;
      expect(await storage.getItem("a")).toBe(3);
    } finally {
      process.kill(pid, "SIGCONT");
    }
    const state = () => cli("-p", silent, "info", "replication");
    await expect.poll(state, { timeout: 20_000 }).toMatch(/role:slave[^]*master_link_status:up/);
    expect(await storage.getItem("a")).toBe(3);
  });

  test("a master that is killed is taken over by its replica", async () => {
    const storage = open({ commandTimeout: 60_000 });
    await storage.setItems(items);
    const [victim] = await nodes();
    const server = cluster.servers.find(({ port }) => `${port}` === victim.port);
    await server.stop("SIGKILL");
    const written = await Promise.all(keys.map((key) => storage.setItem(key, "after")));
    expect(written.length).toBe(keys.length);
    expect(await Promise.all(keys.map((key) => storage.getItem(key)))).toEqual(
      keys.map(() => "after"),
    );
    expect((await storage.getKeys()).length).toBe(keys.length);
  });
});

test("a master that is killed midway keeps no listing and no clear from its end", async () => {
  const mortal = await startCluster({ replicas: 1 });
  onTestFinished(() => mortal.stop());
  const names = Array.from({ length: 15_000 }, (_, index) => `k${index}`);
  const options = { cluster: mortal.ports, base: "", scanCount: 3, commandTimeout: 30_000 };
  const storage = open(options);
  await storage.setItems(names.map((key) => ({ key, value: 1 })));
  const masters = mortal.servers.slice(0, 3);
  const replicated = ({ port }) => mortal.cli("-p", `${port}`, "wait", "1", "1000");
  for (const master of masters) await expect.poll(() => replicated(master)).toContain("1");
  /** Ends a master when its first page has come, and the rest has not. */
  const midway = async (call, { port, stop }) => {
    let over = false;
    const result = call().finally(() => (over = true));
    const calls = () => mortal.cli("-p", `${port}`, "info", "commandstats");
    await expect.poll(calls, { interval: 1 }).toContain("cmdstat_scan");
    await stop("SIGKILL");
    expect(over).toBe(false);
    return result;
  };
  const listed = await midway(() => storage.getKeys(), masters[2]);
  expect(listed.toSorted()).toEqual(names.toSorted());
  await mortal.cli("-p", `${masters[1].port}`, "config", "resetstat");
  await midway(() => storage.clear(), masters[1]);
  expect(await open(options).getKeys()).toEqual([]);
});

test("a master that joined later is gone through, too", async () => {
  const grown = await startCluster();
  onTestFinished(() => grown.stop());
  const port = await freePort();
  const joins = await startRedis({ port, args: ["--cluster-enabled", "yes"] });
  onTestFinished(() => joins.stop("SIGKILL"));
  const [first] = grown.ports;
  const storage = open({ cluster: [first], base: "" });
  await storage.setItems(items);
  await grown.cli("--cluster", "add-node", `127.0.0.1:${port}`, `127.0.0.1:${first}`);
  const agree = (at) => grown.cli("--cluster", "check", `127.0.0.1:${at}`).catch(() => "");
  for (const at of [...grown.ports, port]) {
    await expect.poll(() => agree(at), { timeout: 10_000 }).toMatch(/in 4 masters[^]*nodes agree/);
  }
  const state = () => grown.cli("-p", `${port}`, "cluster", "info");
  await expect.poll(state, { timeout: 10_000 }).toContain("cluster_state:ok");
  const [from, to] = await Promise.all(
    [first, port].map((at) => grown.cli("-p", `${at}`, "cluster", "myid")),
  );
  const slots = [
    "--cluster-from",
    from.trim(),
    "--cluster-to",
    to.trim(),
    "--cluster-slots",
    "3000",
  ];
  await grown.cli("--cluster", "reshard", `127.0.0.1:${first}`, ...slots, "--cluster-yes");
  expect((await storage.getKeys()).toSorted()).toEqual(keys.toSorted());
  const later = open({ cluster: [first], base: "" });
  await storage.clear();
  expect(await later.getKeys()).toEqual([]);
  // Nobody takes over.
  await joins.stop("SIGKILL");
  const lost = open({ cluster: [first], base: "", commandTimeout: 1000 });
  await expect(lost.getKeys()).rejects.toMatchObject({
    code: expect.stringMatching(/^(ECONNREFUSED|CLUSTERDOWN)$/),
    operation: "getKeys",
  });
});
