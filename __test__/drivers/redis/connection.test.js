/** How the redis driver reaches its server, and how commands travel. */
import { createStorage } from "rustorage";
import redis from "rustorage/drivers/redis";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { makeCertificates } from "../../servers/certificates.js";
import { startProxy } from "../../servers/proxy.js";
import { freePort } from "../../servers/ports.js";
import { startRedis } from "../../servers/redis.js";

const folder = mkdtempSync(join(tmpdir(), "rustorage-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const socket = join(folder, "redis.sock");
const server = await startRedis({ args: ["--unixsocket", socket, "--databases", "4"] });
afterAll(() => server.stop());

function open(options) {
  const driver = redis(options);
  onTestFinished(() => driver.dispose());
  return createStorage({ driver });
}

/** What a command of one's own gives, on a connection with these options. */
async function asked(options, ...words) {
  const driver = redis(options);
  onTestFinished(() => driver.dispose());
  return driver.getInstance().command(...words);
}

describe("reaches the server", () => {
  test("by host and port, by URL, by a socket", async () => {
    const ways = [
      { port: server.port },
      { port: String(server.port), host: "127.0.0.1", family: 4 },
      { url: `redis://localhost:${server.port}` },
      { url: `redis://127.0.0.1:${server.port}/0?family=4`, port: 1 },
      { path: socket },
      { url: `unix://${socket}` },
    ];
    await open(ways[0]).setItem("way", "found");
    for (const way of ways) expect(await open(way).getItem("way")).toBe("found");
  });

  test("by what the environment says for a config's mount", async () => {
    vi.stubEnv("NITRO_STORAGE_REDIS_CONFIG_PORT", String(server.port));
    vi.stubEnv("NITRO_STORAGE_REDIS_CONFIG_LEGACY_RAW", "true");
    onTestFinished(() => vi.unstubAllEnvs());
    vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    const options = {
      "rustorage:mount": "redis-config",
      port: 1,
      connectionName: "{{NONE:named}}",
    };
    const driver = redis({ ...options, enableReadyCheck: true });
    expect(driver.getInstance().status).toBe("wait");
    await driver.dispose();
    const storage = createStorage({ driver });
    onTestFinished(() => driver.dispose());
    expect(await driver.getInstance().command("CLIENT", "GETNAME")).toBe("named");
    await storage.setItemRaw("configured", Buffer.from("a"));
    expect(await driver.getInstance().command("GET", "configured")).toBe("base64:YQ==");
  });

  test("with delays, sentinels and certificates of the environment", async () => {
    const set = (option, value) => vi.stubEnv(`NITRO_STORAGE_REDIS_ENV_${option}`, value);
    onTestFinished(() => vi.unstubAllEnvs());
    const fromConfig = () => {
      const driver = redis({ "rustorage:mount": "redis-env", maxRetriesPerRequest: 2 });
      onTestFinished(() => driver.dispose());
      return createStorage({ driver });
    };
    set("PORT", String(await freePort()));
    for (const delays of ["1", "[1, 2]"]) {
      set("RETRY_STRATEGY", delays);
      await expect(fromConfig().getItem("a")).rejects.toMatchObject({ code: "ECONNREFUSED" });
    }
    set("RETRY_STRATEGY", "soon");
    await expect(fromConfig().getItem("a")).rejects.toThrow(
      "NITRO_STORAGE_REDIS_ENV_RETRY_STRATEGY must be a number or a list, as JSON",
    );
    set("RETRY_STRATEGY", "1");
    set("TLS", JSON.stringify({ ca: "no certificate" }));
    await expect(fromConfig().getItem("a")).rejects.toThrow("`tls.ca` holds no certificate");
    set("TLS", "false");
    set("SENTINELS", JSON.stringify([{ host: "127.0.0.1", port: 1 }]));
    set("NAT_MAP", JSON.stringify({ "10.0.0.1:6379": { host: "127.0.0.1", port: 1 } }));
    set("NAME", "mymaster");
    await expect(fromConfig().getItem("a")).rejects.toThrow("sentinel: connect to 127.0.0.1:1");
  });

  test("in the database that is named", async () => {
    await open({ port: server.port, db: 2 }).setItem("database", "two");
    expect(await open({ url: `redis://localhost:${server.port}/2` }).getItem("database")).toBe(
      "two",
    );
    expect(await open({ port: server.port }).getItem("database")).toBe(null);
  });

  test("under a name", async () => {
    const options = { port: server.port, connectionName: "mine" };
    expect(await asked(options, "CLIENT", "GETNAME")).toBe("mine");
  });

  test("as a user, and as the default one", async () => {
    const users = join(folder, "users.acl");
    writeFileSync(
      users,
      "user default on >top ~* +@all\nuser app on >s3cret ~app:* +@all -@admin\nuser open on nopass ~* +@all\n",
    );
    const secured = await startRedis({ args: ["--aclfile", users] });
    onTestFinished(() => secured.stop());
    const { port } = secured;
    expect(await asked({ port, username: "app", password: "s3cret" }, "ACL", "WHOAMI")).toBe("app");
    expect(await asked({ url: `redis://app:s3cret@localhost:${port}` }, "ACL", "WHOAMI")).toBe(
      "app",
    );
    expect(await asked({ port, password: "top" }, "ACL", "WHOAMI")).toBe("default");
    // One that needs no password.
    expect(await asked({ port, username: "open" }, "ACL", "WHOAMI")).toBe("open");
    const storage = open({ port, username: "app", password: "s3cret", base: "app" });
    await storage.setItem("a", 1);
    expect(await storage.getKeys()).toEqual(["a"]);
    const elsewhere = open({ port, username: "app", password: "s3cret" });
    await expect(elsewhere.getItem("other")).rejects.toMatchObject({ code: "NOPERM" });
  });
});

describe("with TLS", async () => {
  const { ca, cert, key } = makeCertificates(folder);
  const files = [
    "--tls-cert-file",
    cert.path,
    "--tls-key-file",
    key.path,
    "--tls-ca-cert-file",
    ca.path,
  ];
  const port = server.port + 1;
  const secured = await startRedis({
    port: 0,
    args: ["--tls-port", `${port}`, "--tls-auth-clients", "optional", ...files],
  });
  afterAll(() => secured.stop());

  test("an authority of one's own, as text and as bytes", async () => {
    const storage = open({ port, tls: { ca: ca.pem } });
    const large = "x".repeat(1_000_000);
    await storage.setItem("large", large);
    expect(await storage.getItem("large")).toBe(large);
    const bytes = open({ url: `rediss://127.0.0.1:${port}`, tls: { ca: [Buffer.from(ca.pem)] } });
    expect(await bytes.hasItem("large")).toBe(true);
  });

  test("a certificate for the client", async () => {
    const tls = { ca: ca.pem, cert: cert.pem, key: key.pem };
    expect(await asked({ port, tls }, "PING")).toBe("PONG");
  });

  test("no certificate for the client, where one is asked for, ends the call at once", async () => {
    const own = await freePort();
    const strict = await startRedis({
      port: 0,
      args: ["--tls-port", `${own}`, "--tls-auth-clients", "yes", ...files],
    });
    onTestFinished(() => strict.stop());
    for (let round = 0; round < 5; round++) {
      await expect(
        open({ port: own, tls: { ca: ca.pem }, maxRetriesPerRequest: 0 }).getItem("a"),
      ).rejects.toMatchObject({ code: "TLS", message: expect.stringMatching(/certificate/i) });
    }
  });

  test("none of the server's is looked at if told so", async () => {
    expect(await asked({ port, tls: { rejectUnauthorized: false } }, "PING")).toBe("PONG");
  });

  test("a certificate that nobody trusts, or that is for another, ends the call at once", async () => {
    for (const tls of [true, { ca: ca.pem, servername: "other.example" }]) {
      const failed = open({ port, tls }).getItem("a");
      await expect(failed).rejects.toMatchObject({
        code: "TLS",
        driver: "redis",
        operation: "getItem",
        key: "a",
      });
    }
  });

  test("without it, a server that takes no other connection is named", async () => {
    const failed = open({ port, maxRetriesPerRequest: 0 }).getItem("a");
    await expect(failed).rejects.toMatchObject({
      code: "ECONNRESET",
      message: expect.stringMatching(/localhost:\d+ ended the connection .* TLS alone/),
    });
  });

  test("what is no certificate is refused", () => {
    expect(() => redis({ tls: { ca: "s3cret" } })).toThrow(
      "the option `tls.ca` holds no certificate in PEM",
    );
    expect(() => redis({ tls: { cert: cert.pem } })).toThrow("belong together");
    expect(() => redis({ tls: { other: 1 } })).toThrow("unknown field `tls.other`");
  });
});

describe("commands", () => {
  test("of one turn leave in one piece, and in their order", async () => {
    const proxy = await startProxy(server.port);
    onTestFinished(() => proxy.close());
    const storage = open({ port: proxy.port, base: "turn" });
    await storage.setItem("first", 1);
    proxy.pieces = 0;
    const calls = Array.from({ length: 300 }, (_, index) =>
      storage.setItem(`key:${index % 3}`, index),
    );
    const read = storage.getItem("key:2");
    const listed = storage.getKeys("key");
    await Promise.all(calls);
    expect(await read).toBe(299);
    expect((await listed).length).toBe(3);
    expect(proxy.pieces).toBe(1);
  });

  test("and replies may come in any pieces", async () => {
    const proxy = await startProxy(server.port);
    onTestFinished(() => proxy.close());
    proxy.slow(3);
    const storage = open({ port: proxy.port, base: "slow" });
    const items = Array.from({ length: 50 }, (_, index) => ({
      key: `k${index}`,
      value: { index },
    }));
    await storage.setItems(items);
    expect(await storage.getItems(items.map(({ key }) => key))).toEqual(items);
    expect((await storage.getKeys()).length).toBe(50);
  });

  test("of one's own", async () => {
    const driver = redis({ port: server.port, base: "own" });
    onTestFinished(() => driver.dispose());
    const connection = driver.getInstance();
    expect(connection.status).toBe("wait");
    expect(await connection.command("SET", "plain", Buffer.from([0, 65]))).toBe("OK");
    expect(connection.status).toBe("ready");
    expect(await connection.command("GET", "plain")).toBe("\0A");
    expect(await connection.command("INCRBY", "count", 5)).toBe(5);
    expect(await connection.command("GET", "nothing")).toBe(null);
    expect(await connection.command("RPUSH", "list", "a", "b")).toBe(2);
    expect(await connection.command("LRANGE", "list", 0, -1)).toEqual(["a", "b"]);
    await expect(connection.command("NONSENSE", "s3cret")).rejects.toMatchObject({
      code: "ERR",
      message: expect.not.stringContaining("s3cret"),
    });
    expect(() => connection.command()).toThrow("a command has a name");
    expect(await connection.command("INCRBY", "large", 9007199254740993n)).toBe(2 ** 53);
    expect(await connection.command("GET", "large")).toBe("9007199254740993");
    for (const word of [["a", "b"], new ArrayBuffer(1), {}, null, undefined, true, () => 1]) {
      expect(() => connection.command("SET", "wrong", word)).toThrow(
        "a word of a command is a string, a number or bytes",
      );
    }
    for (const words of [
      ["select", 1],
      ["MULTI"],
      ["SUBSCRIBE", "news"],
      ["MONITOR"],
      ["HELLO", 3],
      ["QUIT"],
      ["CLIENT", "REPLY", "OFF"],
      ["BLPOP", "list", 0],
      ["XREAD", "BLOCK", 0, "STREAMS", "stream", "$"],
    ]) {
      await expect(connection.command(...words)).rejects.toMatchObject({
        code: "UNSUPPORTED",
        driver: "redis",
        operation: "command",
        message: expect.stringContaining(words[0].toUpperCase()),
      });
    }
    expect(await connection.command("GET", "count")).toBe("5");
    await driver.dispose();
    expect(connection.status).toBe("wait");
  });
});

test("replies of the server that are large in their way leave the connection as it is", async () => {
  const driver = redis({ port: server.port });
  onTestFinished(() => driver.dispose());
  const connection = driver.getInstance();
  const id = await connection.command("CLIENT", "ID");
  const docs = await connection.command("COMMAND", "DOCS");
  expect(docs.length).toBeGreaterThan(100);
  const deep = `${"{".repeat(100)}7${"}".repeat(100)}`;
  expect((await connection.command("EVAL", `return ${deep}`, 0)).flat(100)).toEqual([7]);
  const long = connection.command("EVAL", "return redis.error_reply(string.rep('x', 70000))", 0);
  await expect(long).rejects.toMatchObject({ code: "ERR" });
  expect(await connection.command("CLIENT", "ID")).toBe(id);
});

describe("the connection", () => {
  const clients = async (name) => {
    const list = await asked({ port: server.port }, "CLIENT", "LIST");
    return list.split("\n").filter((line) => line.includes(` name=${name} `)).length;
  };

  test("opens with the first call, or at once", async () => {
    const options = { port: server.port, connectionName: "lazy" };
    open(options);
    expect(await clients("lazy")).toBe(0);
    open({ ...options, connectionName: "eager", preConnect: true });
    await vi.waitFor(async () => expect(await clients("eager")).toBe(1));
  });

  test("closes with dispose, after the calls before it, and opens again", async () => {
    const storage = open({ port: server.port, connectionName: "closing", base: "closing" });
    await storage.setItem("k0", 0);
    const pending = Array.from({ length: 20 }, (_, index) => storage.setItem(`k${index}`, index));
    const closed = storage.dispose();
    const later = storage.getItem("k19");
    await Promise.all(pending);
    await closed;
    expect(await later).toBe(19);
    await storage.dispose();
    await vi.waitFor(async () => expect(await clients("closing")).toBe(0));
    await storage.dispose();
    expect(await storage.getItem("k0")).toBe(0);
  });

  test("is abandoned by dispose while it comes about", async () => {
    const proxy = await startProxy(server.port);
    onTestFinished(() => proxy.close());
    proxy.stall();
    const storage = open({ port: proxy.port });
    const failed = expect(storage.getItem("a")).rejects.toMatchObject({ code: "CLOSED" });
    await storage.dispose();
    await failed;
  });
});
