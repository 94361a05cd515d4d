/** What becomes of calls when a service or the network fails: each ends in its time, and says what it was. */
import { createStorage } from "rustorage";
import http from "rustorage/drivers/http";
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from "node:zlib";
import { describe, expect, onTestFinished, test } from "vitest";
import { serveAnswers } from "../../servers/answers.js";
import { startProxy } from "../../servers/proxy.js";
import { freePort } from "../../servers/ports.js";

const SECRET = "s3cret-token";

function open(base, limits) {
  const headers = { authorization: `Bearer ${SECRET}`, "x-api-key": SECRET };
  return createStorage().mount("far", http({ base, headers, limits }));
}

async function failure(call) {
  const error = await call.then(
    () => undefined,
    (error) => error,
  );
  expect(error).toBeInstanceOf(Error);
  expect(`${error.message} ${error.cause?.message}`).not.toContain(SECRET);
  return error;
}

describe("an answer that says no", () => {
  test.each([
    [401, "UNAUTHORIZED", 1],
    [403, "FORBIDDEN", 1],
    [409, "CONFLICT", 1],
    [413, "TOO_LARGE", 1],
    [418, "REFUSED", 1],
    [429, "RATE_LIMITED", 3],
    [500, "UNAVAILABLE", 3],
    [503, "UNAVAILABLE", 3],
  ])("%i is %s, asked for %i times", async (status, code, times) => {
    const { url, requests } = await serveAnswers((_, response) => {
      response.writeHead(status, { "x-request-id": "req-7" });
      response.end(JSON.stringify({ message: `no, ${SECRET}` }));
    });
    const storage = open(url, { retries: 2 });
    const error = await failure(storage.getItem("far:some:key"));
    expect(error).toMatchObject({
      code,
      status,
      requestId: "req-7",
      driver: "http",
      operation: "getItem",
      key: "far:some:key",
    });
    expect(error.message).toMatch(
      `[rustorage] [http] getItem "far:some:key": ${code}: GET ${url}: ${status}`,
    );
    expect(error.message).toContain("no, *** (request req-7)");
    expect(requests).toHaveLength(times);
    for (const call of [
      storage.setItem("far:a", "value"),
      storage.removeItem("far:a"),
      storage.getKeys("far"),
      storage.clear("far"),
      storage.getItems(["far:a"]),
    ]) {
      expect(await failure(call)).toMatchObject({ code, status });
    }
  });

  test("404 is a miss, and for a write an error", async () => {
    const { url } = await serveAnswers((_, response) => response.writeHead(404).end());
    const storage = open(url);
    expect(await storage.getItem("far:a")).toBe(null);
    expect(await storage.getItemRaw("far:a")).toBe(null);
    expect(await storage.hasItem("far:a")).toBe(false);
    await storage.removeItem("far:a");
    expect(await failure(storage.setItem("far:a", 1))).toMatchObject({ code: "NOT_FOUND" });
  });

  test("in a batch, names the key", async () => {
    const { url } = await serveAnswers((request, response) => {
      response.writeHead(request.url === "/b" ? 403 : 200).end("1");
    });
    const error = await failure(open(url).getItems(["far:a", "far:b", "far:c"]));
    expect(error).toMatchObject({ code: "FORBIDDEN", operation: "getItems", key: "far:b" });
    expect(error.message).toContain('getItems "far:b": FORBIDDEN');
    const items = ["far:a", "far:b"].map((key) => ({ key, value: 1 }));
    const unwritten = await failure(open(url).setItems(items));
    expect(unwritten).toMatchObject({ code: "FORBIDDEN", operation: "setItems", key: "far:b" });
  });

  test("in a batch over two mounts of a driver, names the key as it was given", async () => {
    const { url } = await serveAnswers((request, response) => {
      response.writeHead(request.url === "/b" ? 403 : 200).end("1");
    });
    const driver = http({ base: url });
    const storage = createStorage().mount("one", driver).mount("other", driver);
    expect(await storage.getItems(["one:a", "other:a"])).toEqual([
      { key: "one:a", value: 1 },
      { key: "other:a", value: 1 },
    ]);
    const error = await failure(storage.getItems(["one:a", "other:b"]));
    expect(error).toMatchObject({ code: "FORBIDDEN", key: "other:b" });
  });
});

test("no header of a call says how long a body is", async () => {
  const { url, requests } = await serveAnswers((_, response) => response.end("1"));
  const storage = open(url, { timeout: 2000 });
  for (const length of ["2", "20"]) {
    const headers = { "content-length": length };
    await storage.setItem("far:a", "value", { headers });
    expect(await storage.getItem("far:a", { headers })).toBe(1);
  }
  expect(requests.map(({ body }) => String(body))).toEqual(["value", "", "value", ""]);
  const call = storage.getItem("far:a", { headers: { "Transfer-Encoding": "chunked" } });
  expect(await failure(call)).toMatchObject({ code: "INVALID_OPTIONS" });
});

describe("a service that echoes what it was told", () => {
  const token = "s3cret/token+of-us";

  test.each([
    ["a token", `Bearer ${SECRET}`, SECRET],
    ["a token, as URLs have it", `Token ${token}`, encodeURIComponent(token)],
    ["a token, in small letters", `Token ${token}`, encodeURIComponent(token).toLowerCase()],
    ["a password", `Basic ${btoa(`me:${token}`)}`, token],
    ["a password, as URLs have it", `Basic ${btoa(`me:${token}`)}`, encodeURIComponent(token)],
    ["a header", `Bearer ${SECRET}`, `Bearer ${SECRET}`],
  ])("shows nowhere: %s", async (_, authorization, echo) => {
    const shown = new RegExp(`s3cret|${token.slice(7)}`);
    const { url } = await serveAnswers((request, response) => {
      const headers = { "x-request-id": `id ${echo}`, "content-type": `text/${echo}` };
      response.writeHead(request.url === "/:" ? 200 : 403, headers);
      response.end(JSON.stringify({ message: `no, ${echo}` }));
    });
    const storage = createStorage({ driver: http({ base: url, headers: { authorization } }) });
    const refused = await failure(storage.getItem("a"));
    expect(refused).toMatchObject({ code: "FORBIDDEN", requestId: "id ***" });
    expect(refused.message).toContain("403 Forbidden: no, *** (request id ***)");
    const unlike = await failure(storage.getKeys());
    expect(unlike.message).toContain("the answer (text/***) is not a list of keys");
    for (const { message } of [refused, unlike]) expect(message).not.toMatch(shown);
  });

  test("tells the request's id, also where the caller gave it", async () => {
    const { url } = await serveAnswers((request, response) => {
      response.writeHead(403, { "x-request-id": request.headers["x-request-id"] }).end();
    });
    const headers = { "x-request-id": "mine-7" };
    const error = await failure(open(url).getItem("far:a", { headers }));
    expect(error).toMatchObject({ requestId: "mine-7" });
  });
});

test("what a service calls a request may be long, and is cut", async () => {
  const { url } = await serveAnswers((_, response) => {
    response.writeHead(403, { "x-request-id": "7".repeat(5000) }).end();
  });
  const { message, requestId } = await failure(open(url).getItem("far:a"));
  expect([requestId.length, message.length < 400]).toEqual([201, true]);
});

describe("trouble that passes", () => {
  test.each([
    ["503", (_, response) => response.writeHead(503).end()],
    [
      "429 with Retry-After",
      (_, response) => response.writeHead(429, { "retry-after": "0" }).end(),
    ],
    ["a reset", (request) => request.socket.resetAndDestroy()],
    ["an end before the answer", (request) => request.socket.end()],
    [
      "a truncated answer",
      (request, response) => {
        response.writeHead(200, { "content-length": "100" });
        response.write("half", () => request.socket.destroy());
      },
    ],
  ])("%s: GET, HEAD, PUT and DELETE are tried again", async (_, fail) => {
    const seen = new Map();
    const { url, requests } = await serveAnswers((request, response) => {
      const count = seen.get(request.method) ?? 0;
      seen.set(request.method, count + 1);
      if (count === 0 && !(request.method === "HEAD" && fail.length < 2)) fail(request, response);
      else response.end("42");
    });
    const storage = open(url);
    expect(await storage.getItem("far:a")).toBe(42);
    expect(await storage.hasItem("far:a")).toBe(true);
    await storage.setItem("far:a", "value");
    await storage.removeItem("far:a");
    expect(requests.filter(({ method }) => method === "PUT").map(({ body }) => `${body}`)).toEqual([
      "value",
      "value",
    ]);
    expect(seen.get("GET")).toBe(2);
    expect(seen.get("DELETE")).toBe(2);
  });

  test("Retry-After is waited for, and not where the time would be over", async () => {
    const { url, requests } = await serveAnswers((_, response, count) => {
      if (count === 0) response.writeHead(429, { "retry-after": "1" }).end();
      else response.end("1");
    });
    const before = performance.now();
    expect(await open(url).getItem("far:a")).toBe(1);
    expect(performance.now() - before).toBeGreaterThan(990);
    expect(requests).toHaveLength(2);
    const busy = await serveAnswers((_, response) =>
      response.writeHead(429, { "retry-after": "60" }).end(),
    );
    const error = await failure(open(busy.url).getItem("far:a"));
    expect(error).toMatchObject({ code: "RATE_LIMITED", status: 429 });
    expect(busy.requests).toHaveLength(1);
  });

  test("has a budget: a service that is down is not asked four times as often", async () => {
    const { url, requests } = await serveAnswers((_, response) => {
      response.writeHead(503, { "retry-after": "0" }).end();
    });
    const storage = open(url);
    const calls = Array.from({ length: 200 }, (_, index) =>
      failure(storage.getItem(`far:${index}`)),
    );
    await Promise.all(calls);
    expect(requests.length).toBe(250);
  });

  test.each([
    ["if-match", '"e"'],
    ["if-none-match", "*"],
    ["if-unmodified-since", "Thu, 01 Jan 1970 00:00:00 GMT"],
    ["x-amz-if-match-size", "1"],
  ])("a write with %s is not tried again, as it may have been made", async (name, value) => {
    const { url, requests } = await serveAnswers((request) => request.socket.resetAndDestroy());
    const headers = { [name]: value };
    const storage = open(url);
    for (const call of ["setItem", "removeItem"]) {
      const error = await failure(
        storage[call]("far:a", ...(call === "setItem" ? [1] : []), { headers }),
      );
      expect(error).toMatchObject({ code: "ECONNRESET" });
    }
    expect(requests).toHaveLength(2);
    await failure(storage.getItem("far:a", { headers }));
    expect(requests).toHaveLength(6);
  });

  test("no retries where there are to be none", async () => {
    const { url, requests } = await serveAnswers((_, response) => response.writeHead(503).end());
    await failure(open(url, { retries: 0 }).getItem("far:a"));
    expect(requests).toHaveLength(1);
  });
});

describe("a service that does not answer", () => {
  test("is given up in time, and others are not held up", async () => {
    const { url } = await serveAnswers(() => undefined);
    const well = await serveAnswers((_, response) => response.end("1"));
    const stalled = failure(open(url, { timeout: 200 }).getItem("far:a"));
    expect(await open(well.url).getItem("far:a")).toBe(1);
    expect(await stalled).toMatchObject({
      code: "ETIMEDOUT",
      message: expect.stringContaining(`GET ${url}: no answer within 200 ms`),
    });
  });

  test("is given up by all who wait for it, thousands too", async () => {
    const { url, requests } = await serveAnswers(() => undefined);
    const storage = open(url, { timeout: 500 });
    const before = performance.now();
    const calls = Array.from({ length: 2000 }, (_, index) => storage.getItem(`far:${index}`));
    const messages = await Promise.all(
      calls.map((call) => failure(call).then(({ message }) => message)),
    );
    // Those that have a turn, and what begins before it is known that nobody answers.
    expect(performance.now() - before).toBeLessThan(2000);
    expect(requests.length).toBeLessThan(200);
    expect(messages[0]).toContain("no answer within 500 ms");
    expect(messages[1999]).toContain(
      `getItem "far:1999": ETIMEDOUT: no turn within 500 ms, as earlier calls get no answer`,
    );
    await storage.dispose();
  });

  test("answers again, and is asked again", async () => {
    let isUp = false;
    const { url } = await serveAnswers((_, response) => isUp && response.end("1"));
    const storage = open(url, { timeout: 300 });
    const calls = Array.from({ length: 100 }, (_, index) => storage.getItem(`far:${index}`));
    const failed = Promise.allSettled(calls);
    setTimeout(() => (isUp = true), 200);
    await failed;
    expect(await storage.getItem("far:a")).toBe(1);
  });

  test("is slow, and whoever waits longer than a request may take has a turn", async () => {
    const { url } = await serveAnswers((_, response) => setTimeout(() => response.end("1"), 100));
    const storage = open(url, { timeout: 400 });
    const before = performance.now();
    const calls = Array.from({ length: 600 }, (_, index) => storage.getItem(`far:${index}`));
    expect(await Promise.all(calls)).toEqual(Array(600).fill(1));
    expect(performance.now() - before).toBeGreaterThan(800);
  });

  test("stalls in the middle of a value", async () => {
    const { url } = await serveAnswers((_, response) => {
      response.writeHead(200, { "content-length": "100" });
      response.write("half");
    });
    expect(await failure(open(url, { timeout: 200 }).getItem("far:a"))).toMatchObject({
      code: "ETIMEDOUT",
    });
  });

  test("is slow, and is waited for", async () => {
    const { port } = await serveAnswers((_, response) => response.end("x".repeat(2000)));
    const proxy = await startProxy(port);
    onTestFinished(() => proxy.close());
    proxy.slow(10);
    expect(await open(`http://127.0.0.1:${proxy.port}`).getItem("far:a")).toHaveLength(2000);
  });

  test("is not there", async () => {
    const port = await freePort();
    const base = `http://127.0.0.1:${port}`;
    const error = await failure(open(base, { retries: 1 }).getItem("far:a"));
    expect(error).toMatchObject({ code: "ECONNREFUSED", message: expect.stringContaining(base) });
    const nowhere = open("http://host.invalid", { retries: 0 });
    expect(await failure(nowhere.getItem("far:a"))).toMatchObject({ code: "ENOTFOUND" });
  });

  test("speaks something else", async () => {
    const { port } = await serveAnswers((_, response) => response.end("1"));
    const proxy = await startProxy(port);
    onTestFinished(() => proxy.close());
    const storage = open(`http://127.0.0.1:${proxy.port}`, { retries: 0, timeout: 5000 });
    expect(await storage.getItem("far:a")).toBe(1);
    const secure = open(`https://127.0.0.1:${port}`, { retries: 0 });
    expect((await failure(secure.getItem("far:a"))).code).toMatch(/^(?:TLS|EPROTO)$/);
  });
});

/** Larger than what is read or unpacked at once, and no repetition of a few bytes. */
const LARGE = Buffer.from(Array.from({ length: 40_000 }, (_, index) => `${index}`).join());

const members = (...parts) => Buffer.concat(parts.map((part) => gzipSync(part)));

describe("an answer that is packed", () => {
  test.each([
    ["gzip", gzipSync(LARGE)],
    ["x-gzip", gzipSync(LARGE)],
    [
      "gzip",
      members(LARGE.subarray(0, 7), "", LARGE.subarray(7, 100_000), LARGE.subarray(100_000)),
    ],
    ["deflate", deflateSync(LARGE)],
    ["deflate", deflateRawSync(LARGE)],
    ["br", brotliCompressSync(LARGE)],
    ["gzip, BR", brotliCompressSync(gzipSync(LARGE))],
  ])("by %s is unpacked", async (encoding, packed) => {
    const { url, requests } = await serveAnswers((request, response) => {
      response.writeHead(200, { "content-encoding": encoding, "content-length": packed.length });
      response.end(packed);
    });
    const storage = open(url);
    expect(await storage.getItemRaw("far:a")).toEqual(LARGE);
    expect(await storage.hasItem("far:a")).toBe(true);
    expect(requests[0].headers["accept-encoding"]).toBe("gzip, deflate, br");
  });

  test("in many pieces that come slowly is unpacked", async () => {
    const { url } = await serveAnswers(async (_, response) => {
      response.writeHead(200, { "content-encoding": "gzip" });
      const packed = members("a", "b", "c");
      for (const byte of packed) {
        response.write(Buffer.of(byte));
        await new Promise(setImmediate);
      }
      response.end();
    });
    expect(await open(url).getItem("far:a")).toBe("abc");
  });

  test.each([
    ["gzip", "this is not gzip"],
    ["gzip", gzipSync(LARGE).subarray(0, -9)],
    ["gzip", members(LARGE, LARGE).subarray(0, -9)],
    ["gzip", Buffer.concat([gzipSync(LARGE), Buffer.from("more")])],
    ["deflate", deflateSync(LARGE).subarray(0, -9)],
    ["deflate", deflateRawSync(LARGE).subarray(0, -9)],
    ["br", brotliCompressSync(LARGE).subarray(0, -9)],
    ["br", "this is not brotli"],
  ])("by %s and damaged is an error: %o", async (encoding, packed) => {
    const { url } = await serveAnswers((_, response) => {
      response.writeHead(200, { "content-encoding": encoding }).end(packed);
    });
    const error = await failure(open(url, { retries: 0 }).getItem("far:a"));
    expect(error).toMatchObject({ code: "EPROTO" });
    expect(error.message).toContain("the answer is damaged");
  });

  test.each(["zstd", "gzip, compress"])("by %s is not unpacked", async (encoding) => {
    const { url } = await serveAnswers((_, response) => {
      response.writeHead(200, { "content-encoding": encoding }).end("packed");
    });
    const error = await failure(open(url).getItem("far:a"));
    expect(error).toMatchObject({ code: "EPROTO", status: 200 });
    expect(error.message).toContain(`the answer is packed by ${encoding.split(", ").at(-1)}`);
  });

  test("and cut off is asked for again", async () => {
    const packed = gzipSync(LARGE);
    const { url, requests } = await serveAnswers((_, response, count) => {
      response.writeHead(200, { "content-encoding": "gzip", "content-length": packed.length });
      if (count > 0) response.end(packed);
      else response.write(packed.subarray(0, 1000), () => response.socket.destroy());
    });
    expect(await open(url).getItemRaw("far:a")).toEqual(LARGE);
    expect(requests).toHaveLength(2);
  });

  test("is not asked for where a call wants a part, or says what it takes", async () => {
    const { url, requests } = await serveAnswers((_, response) => response.end("1"));
    await open(url).getItem("far:a", { headers: { range: "bytes=0-0" } });
    await open(url).getItem("far:a", { headers: { "accept-encoding": "br" } });
    const offers = requests.map(({ headers }) => headers["accept-encoding"]);
    expect(offers).toEqual([undefined, "br"]);
  });
});

describe("an answer that is too much", () => {
  test.each([
    ["gzip", gzipSync],
    ["deflate", deflateSync],
    ["br", brotliCompressSync],
  ])("ends where the limit is, packed by %s or not", async (encoding, pack) => {
    const large = Buffer.alloc(1 << 20);
    const bomb = pack(Buffer.alloc(64 << 20));
    const { url, requests } = await serveAnswers((request, response) => {
      if (request.url === "/bomb")
        response.writeHead(200, { "content-encoding": encoding }).end(bomb);
      else response.end(large);
    });
    const storage = open(url, { maxResponseSize: 100_000 });
    for (const key of ["far:bomb", "far:large"]) {
      expect(await failure(storage.getItem(key))).toMatchObject({ code: "TOO_LARGE", key });
    }
    expect(requests).toHaveLength(2);
    expect(await open(url).getItemRaw("far:bomb")).toHaveLength(64 << 20);
  });

  test("has no list of keys", async () => {
    const { url } = await serveAnswers((_, response) => {
      response.writeHead(200, { "content-type": "text/html" }).end("<html>");
    });
    const error = await failure(open(url).getKeys("far"));
    expect(error).toMatchObject({ code: "EPROTO", status: 200 });
    expect(error.message).toContain("the answer (text/html) is not a list of keys");
  });
});

describe("redirects", () => {
  test("within a server take everything along", async () => {
    const { url, requests } = await serveAnswers((request, response) => {
      if (request.url.startsWith("/old")) {
        response.writeHead(307, { location: request.url.replace("/old", "/new") }).end();
      } else response.end("1");
    });
    const storage = open(`${url}/old`);
    expect(await storage.getItem("far:a")).toBe(1);
    await storage.setItem("far:a", "value");
    expect(requests.map(({ method, url: path }) => `${method} ${path}`)).toEqual([
      "GET /old/a",
      "GET /new/a",
      "PUT /old/a",
      "PUT /new/a",
    ]);
    expect(requests.map(({ headers }) => headers["x-api-key"])).toEqual(Array(4).fill(SECRET));
    expect(String(requests[3].body)).toBe("value");
  });

  test("to another origin take no credentials along", async () => {
    const other = await serveAnswers((_, response) => response.end("1"));
    const { url } = await serveAnswers((request, response) => {
      const location = `http://user:password@127.0.0.1:${other.port}${request.url}`;
      response.writeHead(302, { location }).end();
    });
    const storage = open(url);
    expect(await storage.getItemRaw("far:a")).toEqual(Buffer.from("1"));
    await storage.setItem("far:a", "value", { headers: { cookie: SECRET } });
    for (const { headers, rawHeaders } of other.requests) {
      expect(rawHeaders.join()).not.toContain(SECRET);
      expect(headers).not.toHaveProperty("authorization");
    }
    expect(other.requests[0].headers.accept).toBe("application/octet-stream");
    expect(other.requests).toHaveLength(2);
  });

  test("to another origin leave a write and a read what they are", async () => {
    const other = await serveAnswers((_, response) => response.end("1"));
    const { url } = await serveAnswers((request, response) => {
      response.writeHead(307, { location: `http://127.0.0.1:${other.port}${request.url}` }).end();
    });
    const storage = open(url);
    await storage.setItem("far:a", "value", { ttl: 60, headers: { "if-none-match": "*" } });
    await storage.getItem("far:a", { headers: { range: "bytes=0-0" } });
    const [put, get] = other.requests;
    expect([put.method, `${put.body}`]).toEqual(["PUT", "value"]);
    expect(put.headers).toMatchObject({ "x-ttl": "60", "if-none-match": "*" });
    expect(get.headers).toMatchObject({ range: "bytes=0-0" });
  });

  test("in a circle end", async () => {
    const { url, requests } = await serveAnswers((request, response) => {
      response.writeHead(302, { location: request.url }).end();
    });
    const error = await failure(open(url).getItem("far:a"));
    expect(error).toMatchObject({
      code: "EPROTO",
      message: expect.stringContaining("too many redirects"),
    });
    expect(requests).toHaveLength(21);
  });

  test.each(["ftp://127.0.0.1/a", "file:///etc/passwd", "http://["])(
    "to %s are refused",
    async (location) => {
      const { url } = await serveAnswers((_, response) =>
        response.writeHead(302, { location }).end(),
      );
      expect(await failure(open(url).getItem("far:a"))).toMatchObject({
        code: "EPROTO",
        status: 302,
      });
    },
  );
});

test("dispose waits for the calls before it, and the next call works", async () => {
  const { url } = await serveAnswers((_, response) => setTimeout(() => response.end("1"), 50));
  const driver = http({ base: url });
  let answered = false;
  const call = driver.getItem("a").then(() => (answered = true));
  await driver.dispose();
  expect(answered).toBe(true);
  await call;
  expect(await driver.getItem("a")).toBe("1");
});

test("headers that HTTP cannot have are refused before anything is sent", async () => {
  const { url, requests } = await serveAnswers((_, response) => response.end("1"));
  for (const headers of [
    { "x-a": `${SECRET}\r\nx-b: c` },
    { "x a": SECRET },
    { "": SECRET },
    SECRET,
  ]) {
    const refused = expect.objectContaining({ code: "INVALID_OPTIONS" });
    expect(() => http({ base: url, headers })).toThrow(refused);
    const storage = open(url);
    for (const call of [
      storage.getItem("far:a", { headers }),
      storage.setItem("far:a", 1, { headers }),
      storage.getKeys("far", { headers }),
    ]) {
      expect(await failure(call)).toMatchObject({ code: "INVALID_OPTIONS", driver: "http" });
    }
  }
  expect(requests).toHaveLength(0);
});

test("keys that no path can have are refused", async () => {
  const driver = http({ base: "http://127.0.0.1:1" });
  for (const key of ["", ":", "a:..", "./b", "a\ud800"]) {
    await expect(driver.getItem(key)).rejects.toMatchObject({ code: "INVALID_KEY" });
  }
});

test.each([
  [{}, "`base` is required"],
  [{ base: "/relative" }, "`base` must be a URL"],
  [{ base: "http://host/", limits: { timeout: -1 } }, "`limits.timeout`"],
  [{ base: "http://host/", other: 1 }, "`other`"],
])("options %j are refused", (options, cause) => {
  expect(() => http(options)).toThrow(cause);
});
