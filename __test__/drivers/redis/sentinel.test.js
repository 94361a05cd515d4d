/** The redis driver with sentinels, which say where the master is. */
import { createStorage } from "rustorage";
import redis from "rustorage/drivers/redis";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createStorage as createStorage2 } from "unstorage";
import redis2 from "unstorage/drivers/redis";
import { afterAll, describe, expect, onTestFinished, test } from "vitest";
import { makeCertificates } from "../../servers/certificates.js";
import { startProxy } from "../../servers/proxy.js";
import { freePort } from "../../servers/ports.js";
import { startRedis, startSentinel, startSentinels } from "../../servers/redis.js";

const name = "mymaster";
const group = await startSentinels();
afterAll(() => group.stop());

let bases = 0;

function openDriver(options) {
  const driver = redis({ sentinels: group.addresses, name, base: `test${bases++}`, ...options });
  onTestFinished(() => driver.dispose());
  return driver;
}

function open(options) {
  return createStorage({ driver: openDriver(options) });
}

async function role(driver) {
  return (await driver.getInstance().command("ROLE"))[0];
}

describe("the server that sentinels name", () => {
  test("is the master, by options and by URL", async () => {
    const [{ port }, ...others] = group.addresses;
    const hosts = [port, ...others.map((other) => other.port)].map((one) => `127.0.0.1:${one}`);
    for (const options of [
      {},
      { role: "master", sentinels: [port] },
      { sentinels: hosts.map((host) => `redis://${host}`), name },
      { sentinels: undefined, name: undefined, url: `redis+sentinel://${hosts}/${name}/2` },
    ]) {
      const driver = openDriver(options);
      expect(await role(driver)).toBe("master");
      await createStorage({ driver }).setItem("a", 1);
    }
  });

  test("is a replica if asked for, which takes no writes", async () => {
    const master = open({ base: "replicated" });
    await master.setItem("a", 1);
    for (const asked of ["slave", "replica"]) {
      const driver = openDriver({ role: asked, base: "replicated" });
      expect(await role(driver)).toBe("slave");
      const storage = createStorage({ driver });
      await expect.poll(() => storage.getItem("a")).toBe(1);
      await expect(storage.setItem("a", 2)).rejects.toMatchObject({ code: "READONLY", key: "a" });
    }
  });

  test("is found while sentinels are down, and not without any", async () => {
    const [one] = group.addresses;
    const storage = open({ sentinels: [{ port: 1 }, one] });
    await storage.setItem("a", 1);
    expect(await storage.getItem("a")).toBe(1);
    const quick = { maxRetriesPerRequest: 1, retryStrategy: 1 };
    const lost = open({ sentinels: [{ host: "127.0.0.1", port: 1 }], ...quick });
    await expect(lost.getItem("a")).rejects.toMatchObject({
      code: "ECONNREFUSED",
      key: "a",
      message: expect.stringContaining("sentinel: connect to 127.0.0.1:1"),
    });
    await expect(open({ name: "other", ...quick }).getItem("a")).rejects.toMatchObject({
      code: "ENOTFOUND",
      message: expect.stringContaining('knows no master "other"'),
    });
    const none = open({ sentinels: [await group.master()], ...quick });
    await expect(none.getItem("a")).rejects.toMatchObject({ code: "ERR" });
  });

  test("tells of other sentinels, which are asked when the first is gone", async () => {
    const [first] = group.addresses;
    const proxy = await startProxy(first.port);
    const driver = openDriver({ sentinels: [{ host: "127.0.0.1", port: proxy.port }] });
    expect(await role(driver)).toBe("master");
    await proxy.close();
    await driver.dispose();
    expect(await role(driver)).toBe("master");
  });

  test("is found although the first sentinel says nothing", async () => {
    const proxy = await startProxy(group.addresses[0].port);
    onTestFinished(() => proxy.close());
    proxy.stall();
    const sentinels = [{ host: "127.0.0.1", port: proxy.port }, group.addresses[1]];
    expect(await role(openDriver({ sentinels, commandTimeout: 5000 }))).toBe("master");
  });

  test("is found when one comes back, although another says nothing", async () => {
    const [silent, gone] = await Promise.all(group.addresses.map(({ port }) => startProxy(port)));
    onTestFinished(() => Promise.all([silent.close(), gone.close()]));
    silent.stall();
    gone.swallow();
    const sentinels = [silent.port, gone.port];
    const driver = openDriver({ sentinels, commandTimeout: 8000, connectTimeout: 20_000 });
    const found = role(driver);
    await expect.poll(() => gone.pieces).toBeGreaterThan(0);
    gone.swallow(false);
    expect(await found).toBe("master");
  });

  test("unstorage with ioredis and ours read what the other wrote", async () => {
    const options = { sentinels: group.addresses, name, base: "shared" };
    const theirs = createStorage2({ driver: redis2(options) });
    onTestFinished(() => theirs.dispose());
    const ours = open({ base: "shared" });
    await theirs.setItem("theirs", { a: 1 });
    await ours.setItem("ours", [2]);
    expect(await ours.getItem("theirs")).toEqual({ a: 1 });
    expect(await theirs.getItem("ours")).toEqual([2]);
  });

  test("is reached where natMap says", async () => {
    const proxy = await startProxy(await group.master());
    onTestFinished(() => proxy.close());
    const natMap = {
      [`127.0.0.1:${await group.master()}`]: { host: "127.0.0.1", port: proxy.port },
    };
    const storage = open({ natMap });
    await storage.setItem("a", 1);
    expect(await storage.getItem("a")).toBe(1);
    expect(proxy.opened).toBe(1);
  });
});

test("logins, to the sentinels and to the server", async () => {
  const secured = await startSentinels({ passwords: { server: "s3cret", sentinel: "hidden" } });
  onTestFinished(() => secured.stop());
  const options = { sentinels: secured.addresses, password: "s3cret", sentinelPassword: "hidden" };
  await open(options).setItem("a", 1);
  for (const wrong of [{ sentinelPassword: "wr0ng" }, { password: "wr0ng" }]) {
    await expect(open({ ...options, ...wrong }).getItem("a")).rejects.toMatchObject({
      code: "WRONGPASS",
      message: expect.not.stringMatching(/wr0ng|hidden|s3cret/),
    });
  }
});

test("TLS, to the sentinels and to the server", async () => {
  const folder = mkdtempSync(join(tmpdir(), "rustorage-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const { ca, cert, key } = makeCertificates(folder);
  const tlsSettings = (port) => [
    ["tls-port", `${port}`],
    ["tls-auth-clients", "no"],
    ["tls-cert-file", cert.path],
    ["tls-key-file", key.path],
    ["tls-ca-cert-file", ca.path],
  ];
  const port = await freePort();
  const args = tlsSettings(port).flatMap(([option, value]) => [`--${option}`, value]);
  const master = await startRedis({ port: 0, args });
  onTestFinished(() => master.stop());
  const sentinelPort = await freePort();
  const sentinel = await startSentinel([
    ...tlsSettings(sentinelPort).map((setting) => setting.join(" ")),
    `sentinel monitor ${name} 127.0.0.1 ${port} 1`,
  ]);
  onTestFinished(() => sentinel.stop());
  const tls = { ca: Buffer.from(ca.pem) };
  await open({ sentinels: [sentinel.port], tls }).setItem("a", 1);
  const both = { sentinels: [sentinelPort], tls, sentinelTLS: tls };
  await open(both).setItem("a", 1);
  const url = `rediss+sentinel://127.0.0.1:${sentinelPort}/${name}`;
  const fromUrl = { sentinels: undefined, name: undefined, url };
  await open({ ...fromUrl, tls, sentinelTLS: tls }).setItem("a", 1);
  await expect(open(fromUrl).getItem("a")).rejects.toMatchObject({ code: "TLS" });
  const plain = open({ ...both, enableTLSForSentinelMode: false, maxRetriesPerRequest: 0 });
  await expect(plain.getItem("a")).rejects.toMatchObject({ code: "ECONNRESET" });
});

describe("a master that is lost under load", () => {
  /** Writes ever new items, and remembers which were acknowledged. */
  function startLoad(storage) {
    const acknowledged = [];
    const failures = [];
    let going = true;
    const writer = async (_, index) => {
      for (let number = 0; going; number++) {
        const key = `${index}:${number}`;
        await storage.setItem(key, number).then(
          () => acknowledged.push(key),
          (error) => failures.push(error),
        );
      }
    };
    const writers = Promise.all(Array.from({ length: 20 }, writer));
    return {
      acknowledged,
      /** Waits until so many more are acknowledged: the first of them may have been on their way before. */
      async more(count) {
        const before = acknowledged.length;
        const enough = () => acknowledged.length >= before + count;
        await expect.poll(enough, { timeout: 30_000 }).toBe(true);
      },
      async stop() {
        going = false;
        await writers;
        expect(failures).toEqual([]);
      },
    };
  }

  /** Waits until the replica has what was acknowledged before. */
  async function replicated(port) {
    const wait = () => group.cli("-p", `${port}`, "wait", "1", "1000");
    await expect.poll(wait, { timeout: 20_000 }).toContain("1");
  }

  async function isMaster(port) {
    const role = await group.cli("-p", `${port}`, "role").catch(() => "gone");
    return role.startsWith("master");
  }

  async function failover(old) {
    await expect.poll(() => group.master(), { timeout: 20_000 }).not.toBe(old);
  }

  /** Starts a server that was killed, which follows the new master then. */
  async function restart(victim) {
    const { port, folder } = victim;
    group.servers[group.servers.indexOf(victim)] = await startRedis({ port, folder });
    const replication = () => group.cli("-p", `${port}`, "info", "replication");
    await expect.poll(replication, { timeout: 30_000 }).toContain("master_link_status:up");
  }

  /**
   * Takes the master away under load. Of what was acknowledged nothing may be missing that the replica had before, or that its
   * successor acknowledged: what lies between Redis itself may lose. One that is replaced takes writes until it is told to follow.
   */
  async function survives(base, takeAway) {
    const storage = open({ commandTimeout: 30_000, maxRetriesPerRequest: -1, base });
    const load = startLoad(storage);
    await load.more(500);
    const old = await group.master();
    const safe = [...load.acknowledged];
    await replicated(old);
    const back = await takeAway(old);
    await failover(old);
    await expect.poll(() => isMaster(old), { timeout: 30_000 }).toBe(false);
    await load.more(100);
    const first = load.acknowledged.length;
    await load.more(500);
    await load.stop();
    await back?.();
    const kept = new Set(await storage.getKeys());
    const since = load.acknowledged.slice(first);
    expect([...safe, ...since].filter((key) => !kept.has(key))).toEqual([]);
  }

  test("by kill", async () => {
    await survives("killed", async (old) => {
      const victim = group.servers.find(({ port }) => port === old);
      await victim.stop("SIGKILL", { keep: true });
      return () => restart(victim);
    });
  });

  test("a listing goes on at the new one, and tells each key once", async () => {
    const base = "listed";
    const names = Array.from({ length: 20_000 }, (_, index) => `k${index}`);
    const storage = open({ commandTimeout: 30_000, maxRetriesPerRequest: -1, base, scanCount: 3 });
    await storage.setItems(names.map((key) => ({ key, value: 1 })));
    const old = await group.master();
    await replicated(old);
    const victim = group.servers.find(({ port }) => port === old);
    let over = false;
    const listed = storage.getKeys().finally(() => (over = true));
    const calls = async () => {
      const statistics = await group.cli("-p", `${old}`, "info", "commandstats");
      return Number(/cmdstat_scan:calls=(\d+)/.exec(statistics)?.[1] ?? 0);
    };
    await expect.poll(calls, { interval: 1 }).toBeGreaterThan(20);
    await victim.stop("SIGKILL", { keep: true });
    expect(over).toBe(false);
    expect((await listed).toSorted()).toEqual(names.toSorted());
    await failover(old);
    await restart(victim);
  });

  test("by an ordered failover, where it lives on as a replica", async () => {
    await survives("ordered", async () => {
      const [{ port }] = group.addresses;
      const order = () => group.cli("-p", `${port}`, "sentinel", "failover", name);
      await expect.poll(order, { timeout: 20_000 }).toContain("OK");
    });
  });

  test("by silence: calls go to the new master before their time is over", async () => {
    const old = await group.master();
    const victim = group.servers.find((server) => server.port === old);
    const storage = open({ commandTimeout: 60_000, maxRetriesPerRequest: -1, base: "silent" });
    await storage.setItem("a", 1);
    await replicated(old);
    process.kill(victim.pid, "SIGSTOP");
    onTestFinished(() => process.kill(victim.pid, "SIGCONT"));
    const written = storage.setItem("a", 2);
    // One that has no connection yet is told of the old master at first.
    const another = open({ base: "another" }).setItem("a", 3);
    await failover(old);
    await Promise.all([written, another]);
    expect(await storage.getItem("a")).toBe(2);
  });
});
