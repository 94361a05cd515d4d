/** What becomes of calls when the server or the network fails. */
import { createStorage } from "rustorage";
import redis from "rustorage/drivers/redis";
import { once } from "node:events";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { run } from "../../lifecycle/run.js";
import { startProxy } from "../../servers/proxy.js";
import { freePort } from "../../servers/ports.js";
import { startRedis } from "../../servers/redis.js";

const server = await startRedis();
afterAll(() => server.stop());

function open(options) {
  const driver = redis(options);
  onTestFinished(() => driver.dispose());
  return createStorage({ driver });
}

async function proxied() {
  const proxy = await startProxy(server.port);
  onTestFinished(() => proxy.close());
  return proxy;
}

const keys = Array.from({ length: 40 }, (_, index) => `k${index}`);

describe("a connection that breaks", () => {
  test.each(["reset", "half"])("is opened again: %s", async (how) => {
    const proxy = await proxied();
    const storage = open({ port: proxy.port, base: `break-${how}` });
    for (let round = 0; round < 5; round++) {
      const writes = keys.map((key) => storage.setItem(key, round));
      const reads = keys.map((key) => storage.getItem(key));
      proxy.cut(how);
      await Promise.all(writes);
      expect(await Promise.all(reads)).toEqual(keys.map(() => round));
    }
    expect(proxy.opened).toBeGreaterThan(2);
  });

  test("after commands went out, whose writes keep their order", async () => {
    const proxy = await proxied();
    const storage = open({ port: proxy.port, base: "order" });
    await storage.setItem("a", 0);
    proxy.swallow();
    const writes = [storage.setItem("a", 1), storage.removeItem("a"), storage.setItem("a", 2)];
    const swallowed = proxy.pieces;
    await expect.poll(() => proxy.pieces).toBeGreaterThan(swallowed);
    proxy.swallow(false);
    await Promise.all([...writes, storage.setItem("b", 3)]);
    expect(await storage.getItems(["a", "b"])).toMatchObject([{ value: 2 }, { value: 3 }]);
  });

  test("fails what may not be sent twice", async () => {
    const proxy = await proxied();
    const driver = redis({ port: proxy.port });
    onTestFinished(() => driver.dispose());
    const connection = driver.getInstance();
    await connection.command("SET", "once", 0);
    proxy.swallow();
    await expect(connection.command("INCR", "once")).rejects.toMatchObject({
      code: "ECONNRESET",
      message: expect.stringContaining("whether the command was carried out is not known"),
    });
    proxy.swallow(false);
    expect(await connection.command("GET", "once")).toBe("0");
  });

  test("every time, within the retries", async () => {
    const proxy = await proxied();
    const storage = open({ port: proxy.port, maxRetriesPerRequest: 3, retryStrategy: 1 });
    proxy.swallow();
    await expect(storage.setItem("a", 1)).rejects.toMatchObject({ code: "ECONNRESET", key: "a" });
    expect(proxy.opened).toBe(4);
    proxy.swallow(false);
    await storage.setItem("a", 2);
    expect(await storage.getItem("a")).toBe(2);
  });

  test("by what is not the protocol", async () => {
    const proxy = await proxied();
    const storage = open({ port: proxy.port, base: "garbage" });
    await storage.setItem("a", 1);
    for (const garbage of [
      "HTTP/1.1 400 Bad Request\r\n\r\n",
      "$-5\r\n",
      "+nobody asked\r\n",
      "\0\0\0\0",
    ]) {
      proxy.say(garbage);
      expect(await storage.getItem("a")).toBe(1);
    }
  });
});

test("a server that is none of Redis is no connection", async () => {
  const other = createServer((client) => {
    client.on("error", () => {});
    client.on("data", () => client.write("HTTP/1.1 400 Bad Request\r\n\r\n"));
  }).listen(0, "127.0.0.1");
  await once(other, "listening");
  onTestFinished(() => other.close());
  const storage = open({ port: other.address().port, maxRetriesPerRequest: 0 });
  await expect(storage.getItem("a")).rejects.toMatchObject({ code: "EPROTO" });
});

describe("a listing that breaks off", () => {
  const names = Array.from({ length: 10_000 }, (_, index) => `k${index}`);
  const filled = names.map((key) => ({ key, value: 1 }));

  /** Waits until many pages have come. */
  async function underWay(storage, before) {
    const calls = async () => {
      const statistics = await before.command("INFO", "commandstats");
      return Number(/cmdstat_scan:calls=(\d+)/.exec(statistics)?.[1] ?? 0);
    };
    const first = await calls();
    const listing = { over: false, keys: storage.getKeys() };
    const over = () => (listing.over = true);
    listing.keys.then(over, over);
    await expect.poll(calls, { interval: 1 }).toBeGreaterThan(first + 20);
    expect(listing.over).toBe(false);
    return listing;
  }

  test("is begun anew, as a cursor is of use to its server alone", async () => {
    const log = ["--appendonly", "yes", "--appendfsync", "always"];
    const mortal = await startRedis({ args: log });
    const { port, folder } = mortal;
    const driver = redis({ port, scanCount: 3, retryStrategy: 50 });
    onTestFinished(() => driver.dispose());
    const storage = createStorage({ driver });
    await storage.setItems(filled);
    const { keys: listed } = await underWay(storage, driver.getInstance());
    await mortal.stop("SIGKILL", { keep: true });
    const back = await startRedis({ port, args: log, folder });
    onTestFinished(() => back.stop());
    expect((await listed).toSorted()).toEqual(names.toSorted());
    // Of the new server, from its first page on.
    const statistics = await driver.getInstance().command("INFO", "commandstats");
    expect(Number(/cmdstat_scan:calls=(\d+)/.exec(statistics)[1])).toBeGreaterThan(900);
  });

  test("no more often than a call is tried again", async () => {
    const proxy = await proxied();
    const driver = redis({ port: server.port, base: "listed" });
    onTestFinished(() => driver.dispose());
    await createStorage({ driver }).setItems(filled);
    const limits = { scanCount: 3, maxRetriesPerRequest: 0 };
    const storage = open({ port: proxy.port, base: "listed", ...limits });
    await storage.getItem("a");
    const listing = await underWay(storage, driver.getInstance());
    proxy.cut("reset");
    await expect(listing.keys).rejects.toMatchObject({ code: "ECONNRESET", operation: "getKeys" });
  });

  test("by dispose, which no page opens a connection after", async () => {
    const proxy = await proxied();
    const driver = redis({ port: server.port, base: "listed" });
    onTestFinished(() => driver.dispose());
    await createStorage({ driver }).setItems(filled);
    const storage = open({ port: proxy.port, base: "listed", scanCount: 3 });
    await storage.getItem("a");
    const listing = await underWay(storage, driver.getInstance());
    const disposed = storage.dispose();
    await expect(listing.keys).rejects.toMatchObject({ code: "CLOSED", operation: "getKeys" });
    await disposed;
    expect(proxy.opened).toBe(1);
  });
});

describe("a server that says nothing", () => {
  test("fails the calls in their time, and is given up", async () => {
    const proxy = await proxied();
    const storage = open({ port: proxy.port, commandTimeout: 300 });
    await storage.setItem("a", 1);
    proxy.stall();
    const calls = [
      storage.getItem("a"),
      storage.setItem("a", 2),
      storage.getKeys(),
      storage.clear("none"),
    ];
    for (const { status, reason } of await Promise.allSettled(calls)) {
      expect(status).toBe("rejected");
      expect(reason).toMatchObject({ code: "ETIMEDOUT", driver: "redis" });
    }
    const opened = proxy.opened;
    proxy.go();
    await storage.setItem("a", 3);
    expect(await storage.getItem("a")).toBe(3);
    expect(proxy.opened).toBe(opened + 1);
  });

  /** What becomes of dispose and of a call after it, once `fall` has made the server silent with a call on its way. */
  async function silenced(fall) {
    const proxy = await proxied();
    const driver = redis({ port: proxy.port, commandTimeout: 500 });
    const storage = createStorage({ driver });
    await storage.setItem("a", 1);
    proxy.stall();
    const call = storage.getItem("a");
    await fall(proxy);
    const ends = [call, driver.dispose(), storage.getItem("b")].map((end) =>
      end.then(
        () => "ended",
        (error) => error.code,
      ),
    );
    return { driver, storage, proxy, ends };
  }

  test.each([
    [
      "after half of a reply",
      async (proxy) => {
        await sleep(200);
        proxy.say("$100\r\nabc");
        await sleep(100);
      },
    ],
    [
      "to a command that left late in its time",
      async () => {
        const start = Date.now();
        while (Date.now() - start < 200);
        await sleep(10);
      },
    ],
  ])("%s: dispose and what comes after it end", async (_, fall) => {
    const { driver, storage, proxy, ends } = await silenced(fall);
    const late = sleep(3000, "late", { ref: false });
    const results = ends.map((end) => Promise.race([end, late]));
    expect(await Promise.all(results)).toEqual(["ETIMEDOUT", "ended", "ETIMEDOUT"]);
    await expect.poll(() => driver.getInstance().status).not.toBe("ready");
    proxy.go();
    expect(await storage.getItem("a")).toBe(1);
    await driver.dispose();
  });

  test("after half of a reply, is given up, though nobody calls", async () => {
    const proxy = await proxied();
    const driver = redis({ port: proxy.port, commandTimeout: 300 });
    onTestFinished(() => driver.dispose());
    await driver.setItem("a", "1", {});
    proxy.stall();
    const call = driver.getItem("a");
    await sleep(150);
    proxy.say("$100\r\nabc");
    await expect(call).rejects.toMatchObject({ code: "ETIMEDOUT" });
    await expect.poll(() => driver.getInstance().status).toBe("wait");
  });

  test.each([
    ["was sent again", false],
    ["was answered by the clock", true],
  ])("a write that %s and then comes undoes no later one", async (_, late) => {
    const proxy = await proxied();
    const storage = open({ port: proxy.port, commandTimeout: 600, base: "ghost" });
    await storage.setItem("a", 0);
    proxy.hold();
    const silenced = storage.getItem("b");
    silenced.catch(() => {});
    // One that has time left is sent again.
    if (!late) await sleep(300);
    const outcomes = await Promise.allSettled([silenced, storage.setItem("a", 1)]);
    expect(outcomes.map(({ status }) => status === "rejected")).toEqual([true, late]);
    await storage.setItem("a", 2);
    expect(proxy.opened).toBe(2);
    proxy.go();
    await sleep(200);
    expect(await storage.getItem("a")).toBe(2);
  });

  test("while it is connected to", async () => {
    const silent = createServer().listen(0, "127.0.0.1");
    await once(silent, "listening");
    onTestFinished(() => silent.close());
    const { port } = silent.address();
    const options = { port, connectTimeout: 50, maxRetriesPerRequest: 1, retryStrategy: 1 };
    await expect(open(options).getItem("a")).rejects.toMatchObject({
      code: "ETIMEDOUT",
      message: expect.stringContaining(`no connection to localhost:${port} within 50 ms`),
    });
    const patient = open({ port, commandTimeout: 100 });
    await expect(patient.getItem("a")).rejects.toMatchObject({
      code: "ETIMEDOUT",
      message: expect.stringMatching(
        `no connection within 100 ms: ETIMEDOUT: localhost:${port} has not answered$`,
      ),
    });
  });

  test.each([{ commandTimeout: 100 }, { connectTimeout: 50, maxRetriesPerRequest: 0 }])(
    "with TLS, by a server without: %o",
    async (limits) => {
      const storage = open({ port: server.port, tls: true, ...limits });
      await expect(storage.getItem("a")).rejects.toMatchObject({
        code: "ETIMEDOUT",
        message: expect.stringMatching(/does it speak TLS\?$/),
      });
    },
  );

  test("a late reply is nobody's", async () => {
    const driver = redis({ port: server.port, commandTimeout: 200, base: "late" });
    onTestFinished(() => driver.dispose());
    const storage = createStorage({ driver });
    await storage.setItem("a", "right");
    const pause = driver.getInstance().command("CLIENT", "PAUSE", 500);
    const late = storage.getItem("b");
    expect(await pause).toBe("OK");
    await expect(late).rejects.toMatchObject({ code: "ETIMEDOUT" });
    await expect.poll(() => storage.getItem("a").catch(() => null)).toBe("right");
  });
});

describe("a server that is not there", () => {
  const quick = { maxRetriesPerRequest: 2, retryStrategy: [1, 2] };

  test("refused", async () => {
    const port = await freePort();
    const call = open({ port, ...quick }).setItem("a:b", 1);
    await expect(call).rejects.toMatchObject({
      code: "ECONNREFUSED",
      operation: "setItem",
      key: "a:b",
    });
  });

  test("no such host, no such socket", async () => {
    const host = open({ host: "nowhere.invalid", ...quick }).getItem("a");
    await expect(host).rejects.toMatchObject({ code: "ENOTFOUND" });
    const path = open({ path: join(server.folder, "none.sock"), ...quick }).getItem("a");
    await expect(path).rejects.toMatchObject({ code: "ENOENT" });
  });

  test("a function decides how long to wait, and when to give up", async () => {
    const asked = [];
    const retryStrategy = (times) => (asked.push(times), times > 2 ? null : 1);
    const storage = open({ port: await freePort(), retryStrategy });
    await expect(storage.getItem("a")).rejects.toMatchObject({ code: "ECONNREFUSED" });
    expect(asked.slice(0, 3)).toEqual([1, 2, 3]);
  });

  test("is tried for as long as it takes with null, as ioredis has it", async () => {
    const unlimited = { maxRetriesPerRequest: null, retryStrategy: 1, commandTimeout: 500 };
    const call = open({ port: await freePort(), ...unlimited }).getItem("a");
    await expect(call).rejects.toMatchObject({ code: "ETIMEDOUT" });
  });

  test("fails at once where calls do not wait", async () => {
    const storage = open({ port: await freePort(), enableOfflineQueue: false });
    await expect(storage.getItem("a")).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });

  test("is waited for: the calls are answered when it is", async () => {
    const port = await freePort();
    const storage = open({ port, retryStrategy: 50 });
    const write = storage.setItem("a", 1);
    const late = await startRedis({ port });
    onTestFinished(() => late.stop());
    await write;
    expect(await storage.getItem("a")).toBe(1);
  });

  test("is killed and comes back under load", async () => {
    const port = await freePort();
    const log = ["--appendonly", "yes", "--appendfsync", "always"];
    let mortal = await startRedis({ port, args: log });
    const storage = open({ port, retryStrategy: 50 });
    const acknowledged = [];
    const last = [];
    let going = true;
    // A key for each write, and one that all of a writer's go over: neither is to lose the last.
    const writer = async (number) => {
      for (let index = 0; going; index++) {
        await storage.setItem(`w${number}:${index}`, index);
        acknowledged.push([`w${number}:${index}`, index]);
        await storage.setItem(`last${number}`, index);
        last[number] = index;
      }
    };
    const writers = Array.from({ length: 8 }, (_, number) => writer(number));
    const more = () => {
      const before = acknowledged.length;
      const count = () => acknowledged.length;
      return expect.poll(count, { timeout: 10_000 }).toBeGreaterThan(before + 80);
    };
    for (let round = 0; round < 3; round++) {
      await more();
      await mortal.stop("SIGKILL", { keep: true });
      mortal = await startRedis({ port, args: log, folder: mortal.folder });
    }
    await more();
    going = false;
    await Promise.all(writers);
    const written = acknowledged.map(([key, value]) => ({ key, value }));
    expect(await storage.getItems(written.map(({ key }) => key))).toEqual(written);
    for (const [number, index] of last.entries()) {
      expect(await storage.getItem(`last${number}`)).toBe(index);
    }
    await mortal.stop();
  });

  test("is waited for although nobody holds the storage any more", async () => {
    expect(await run("collected-redis", await freePort())).toBe("text");
  });

  test("a process exits, and a worker is terminated, with calls in flight", async () => {
    const proxy = await proxied();
    proxy.stall();
    expect(await run("leaving-redis", proxy.port, "exit")).toBe("in flight");
    expect(await run("leaving-redis", proxy.port, "worker")).toEqual(Array(5).fill("in flight"));
    proxy.go();
    expect(await run("leaving-redis", proxy.port, "worker")).toEqual(Array(5).fill("in flight"));
  });

  test("keeps no process alive, and nothing goes unhandled", async () => {
    expect(await run("redis", await freePort(), "call")).toBe("ECONNREFUSED");
    expect(await run("redis", await freePort(), "preConnect")).toBe("made");
    expect(await run("redis", server.port, "call")).toBe(null);
    expect(await run("redis", server.port, "preConnect")).toBe("made");
  });
});

test("10,000 calls in flight at a server that dies all end, and in their time", async () => {
  const dying = await startRedis();
  const storage = open({ port: dying.port, commandTimeout: 1000, maxRetriesPerRequest: -1 });
  await storage.setItem("a", 1);
  process.kill(dying.pid, "SIGSTOP");
  const many = Array.from({ length: 5000 }, (_, index) => `k${index}`);
  const calls = many.flatMap((key) => [storage.setItem(key, key), storage.getItem(key)]);
  const settled = Promise.allSettled(calls);
  await dying.stop("SIGKILL");
  const codes = (await settled).map(({ reason }) => reason?.code);
  expect(new Set(codes)).toEqual(new Set(["ETIMEDOUT"]));
});

describe("a server that refuses", () => {
  const refused = async (
    args,
    options,
    act = (storage) => storage.setItem("a", "s3cret value"),
  ) => {
    const own = await startRedis({ args });
    onTestFinished(() => own.stop());
    const error = await act(open({ port: own.port, ...options })).catch((reason) => reason);
    expect(error).toBeInstanceOf(Error);
    expect(`${error.message} ${error.cause?.message} ${error.stack}`).not.toContain("s3cret");
    return error;
  };

  test("a missing or wrong password", async () => {
    const args = ["--requirepass", "right"];
    expect(await refused(args, {})).toMatchObject({ code: "NOAUTH" });
    expect(await refused(args, { password: "s3cret" })).toMatchObject({ code: "WRONGPASS" });
    const url = { url: "redis://somebody:s3cret@localhost/" };
    expect(await refused(args, { username: "somebody", password: "s3cret" })).toMatchObject({
      code: "WRONGPASS",
    });
    expect(() => redis({ url: `${url.url}x` })).toThrow(
      "the option `url` names a database that is no number",
    );
  });

  test("no password, as it has none: it lets in who has one, as ioredis does", async () => {
    const own = await startRedis();
    onTestFinished(() => own.stop());
    const storage = open({ port: own.port, password: "s3cret" });
    await storage.setItem("a", 1);
    expect(await storage.getItem("a")).toBe(1);
  });

  test("an unknown database", async () => {
    const error = await refused(["--databases", "2"], { db: 7 });
    expect(error).toMatchObject({ code: "ERR", message: expect.stringContaining("database 7") });
  });

  test("writes: a replica, and a full memory", async () => {
    const replica = ["--replicaof", "127.0.0.1", String(server.port)];
    expect(await refused(replica, {})).toMatchObject({
      code: "READONLY",
      operation: "setItem",
      key: "a",
    });
    const full = ["--maxmemory", "1", "--maxmemory-policy", "noeviction"];
    expect(await refused(full, {})).toMatchObject({ code: "OOM" });
    const batch = (storage) => storage.setItems([{ key: "a", value: "s3cret" }]);
    expect(await refused(full, {}, batch)).toMatchObject({ code: "OOM", operation: "setItems" });
  });

  test("a connection, as there are too many", async () => {
    const crowded = await startRedis({ args: ["--maxclients", "1"] });
    onTestFinished(() => crowded.stop());
    const storage = open({ port: crowded.port });
    await storage.setItem("a", 1);
    const late = open({ port: crowded.port, maxRetriesPerRequest: 0 });
    await expect(late.getItem("a")).rejects.toMatchObject({
      code: "ERR",
      message: expect.stringContaining("max number of clients reached"),
    });
  });

  test("everything, while it loads", async () => {
    const port = await freePort();
    const loading = createServer((client) => {
      client.on("error", () => {});
      const answer = "-LOADING Redis is loading the dataset in memory\r\n";
      client.on("data", (data) => client.write(answer.repeat(`${data}`.match(/^\*/gm).length)));
    }).listen(port, "127.0.0.1");
    const storage = open({ port, maxRetriesPerRequest: 2, retryStrategy: 1 });
    await expect(storage.getItem("a")).rejects.toMatchObject({ code: "LOADING" });
    const patient = open({ port, retryStrategy: 50 });
    const waiting = patient.getItem("a");
    loading.close();
    const loaded = await startRedis({ port });
    onTestFinished(() => loaded.stop());
    expect(await waiting).toBe(null);
  });
});

test("options are checked when the driver is made", () => {
  const message = (options) => {
    try {
      redis(options);
    } catch (error) {
      expect(error).toMatchObject({
        code: "INVALID_OPTIONS",
        driver: "redis",
        operation: "create",
      });
      return error.message;
    }
    throw new Error("nothing was refused");
  };
  expect(message({ hots: "localhost" })).toContain("unknown field `hots`");
  expect(message({ port: "s3cret" })).toMatch(/the option `port` must be a whole number/);
  expect(message({ port: "s3cret" })).not.toContain("s3cret");
  const ports = "must be a whole number from 1 to 65535";
  for (const port of [0, "0", 70000, -1, 1.5, ""]) {
    expect(message({ port })).toContain(`the option \`port\` ${ports}`);
    expect(message({ cluster: [{ port }] })).toContain(`the option \`cluster[0].port\` ${ports}`);
  }
  expect(message({ url: "redis://localhost:0" })).toContain("no number from 1 to 65535");
  expect(message({ host: "" })).toContain("the option `host` must be a name or an address");
  for (const [node, refused] of [
    [{ host: "" }, "[0].host` must be a name or an address"],
    [0, `[0]\` ${ports}`],
    [true, "[0]` must be an object with host and port, a URL or a port"],
  ]) {
    expect(message({ cluster: [node] })).toContain(`the option \`cluster${refused}`);
    expect(message({ sentinels: [node], name: "a" })).toContain(`the option \`sentinels${refused}`);
  }
  expect(message({ cluster: [] })).toContain("`cluster` must be a list of one server or more");
  expect(message({ sentinels: [] })).toContain("`sentinels` must be a list of one server or more");
  for (const given of [5, "s3cret", [1], true]) {
    const refused = message({ cluster: [1], clusterOptions: given });
    expect(refused).toContain("the option `clusterOptions` must be an object");
    expect(message({ cluster: [1], clusterOptions: { redisOptions: given } })).toContain(
      "the option `clusterOptions.redisOptions` must be an object",
    );
  }
  expect(message({ family: 5 })).toContain("the option `family` must be 0, 4 or 6");
  expect(message({ base: "a:..:b" })).toContain("the option `base`");
  // A password with a question mark that is not written as %3F.
  expect(message({ url: "redis://:42?s3cret@host:6379/0" })).not.toContain("s3cret");
  expect(message({ url: "http://localhost" })).toContain("must start with redis://");
  expect(message({ sentinels: [{ port: 1 }] })).toContain("the option `name` must be");
  expect(message({ sentinels: [1], name: "a", cluster: [1] })).toContain("different things");
  expect(message({ sentinels: [1], name: "a", role: "s3cret" })).toContain(
    "the option `role` must be one of `master`, `slave`, `replica`",
  );
  expect(message({ sentinels: [1], name: "a", sentinelTLS: { ca: "s3cret" } })).toContain(
    "the option `sentinelTLS.ca` holds no certificate in PEM",
  );
  expect(message({ natMap: () => undefined })).toContain("`natMap` must be an object");
  expect(message({ natMap: { nowhere: {} } })).toContain("which is no host:port");
  expect(message({ natMap: { "a:1": { port: 1 } } })).toContain("must have a host and a port");
  for (const url of ["rediss://host:1", "redis://:s3cret@host"]) {
    expect(message({ cluster: [1, url] })).toContain("the option `cluster[1]` may name");
    expect(message({ cluster: [1, url] })).not.toContain("s3cret");
    expect(message({ sentinels: [url], name: "a" })).toContain(
      "]` may name a host and a port alone",
    );
  }
  expect(message({ cluster: ["redis://host/1"] })).toContain("the option `cluster[0]` may name");
  expect(message({ cluster: [{ port: 1 }], db: 1 })).toContain("the option `db` must be 0");
  expect(message({ cluster: [{ port: 1 }], clusterOptions: { other: 1 } })).toContain("`other`");
  for (const option of ["maxRetriesPerRequest", "db"]) {
    expect(message({ [option]: 1.5 })).toContain(`the option \`${option}\` must be a whole number`);
  }
  expect(message({ natMap: 5 })).toContain("the option `natMap` must be an object");
  expect(message({ role: 5 })).toContain("the option `role` is of a wrong kind");
  expect(message({ retryStrategy: "never" })).toContain(
    "the option `retryStrategy` must be a number, a list of numbers or a function",
  );
});

test("options of ioredis that mean nothing here are named once", () => {
  const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
  redis({ enableReadyCheck: true, showFriendlyErrorStack: true });
  redis({ enableReadyCheck: false });
  redis({ scripts: {}, monitor: false });
  redis({ cluster: [1], clusterOptions: { useSRVRecords: true } });
  const warnings = warn.mock.calls.map(([message]) => message.match(/`(\w+)`/)[1]);
  const ours = [
    "enableReadyCheck",
    "showFriendlyErrorStack",
    "monitor",
    "scripts",
    "useSRVRecords",
  ];
  expect(warnings).toEqual(ours);
  // They are for a cluster alone.
  redis({ clusterOptions: { other: 1, keyPrefix: "unused" } });
});
