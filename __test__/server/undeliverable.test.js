/** Answers that cannot be sent as they are: they end in another answer or in a closed connection, never in an unhandled rejection. */
import { createStorage } from "rustorage";
import { setTimeout as sleep } from "node:timers/promises";
import { createStorageServer } from "rustorage/server";
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { mapDriver } from "../conformance/map-driver.js";
import { startServer } from "../servers/storage.js";
import { SERVERS } from "./serving.js";

const RAW = "application/octet-stream";
const open = { authorize: () => {} };

const rejections = [];
process.on("unhandledRejection", (error) => rejections.push(error));
let logged;
beforeEach(() => (logged = vi.spyOn(console, "error").mockImplementation(() => {})));
afterEach(() => expect(rejections.splice(0)).toEqual([]));

const used = async () => {
  const stream = new Response("text").body;
  await stream.getReader().read();
  return stream;
};

const released = async () => {
  const stream = new Response("text").body;
  const reader = stream.getReader();
  await reader.read();
  reader.releaseLock();
  return stream;
};

const breaking = () => {
  const chunks = [Buffer.from("half")];
  return new ReadableStream({
    async pull(controller) {
      // Until what came before has been sent.
      await sleep(20);
      if (chunks.length > 0) controller.enqueue(chunks.pop());
      else controller.error(new Error("broken off"));
    },
  });
};

const STREAMS = {
  "is in use": used,
  "was read": released,
  "is broken": () =>
    new ReadableStream({ start: (controller) => controller.error(new Error("broken")) }),
  "fails to let go": () =>
    new ReadableStream({
      cancel() {
        throw new Error("held");
      },
    }),
  "never lets go": () => new ReadableStream({ cancel: () => new Promise(() => {}) }),
};

describe.each(Object.keys(SERVERS))("%s", (name) => {
  async function serving(options = open, storage = createStorage()) {
    const ask = await SERVERS[name](storage, options);
    return {
      storage,
      ask: (path, init) => ask(path, { signal: AbortSignal.timeout(5000), ...init }),
    };
  }

  test.each(Object.keys(STREAMS))("a stream that is not sent, and %s", async (kind) => {
    const { storage, ask } = await serving();
    const raw = { accept: RAW, "content-type": RAW };
    const asked = async (method, condition, body) => {
      await storage.setItemRaw("a", await STREAMS[kind]());
      return (await ask("/a", { method, body, headers: { ...raw, ...condition } })).status;
    };
    expect(await asked("HEAD", { "if-match": "*" })).toBe(200);
    expect(await asked("GET", { "if-none-match": "*" })).toBe(304);
    expect(await asked("PUT", { "if-match": '"x"' }, "new")).toBe(412);
    expect(await asked("DELETE", { "if-match": "*" })).toBe(200);
    expect(await storage.hasItem("a")).toBe(false);
    expect(await asked("PUT", { "if-match": "*" }, "new")).toBe(200);
    expect(Buffer.from(await storage.getItemRaw("a")).toString()).toBe("new");
  });

  test("a stored stream is sent once, and the next answer is an error", async () => {
    const { storage, ask } = await serving();
    await storage.setItemRaw("a", new Response("text").body);
    const first = await ask("/a", { headers: { accept: RAW } });
    expect([first.status, await first.text()]).toEqual([200, "text"]);
    for (const method of ["GET", "HEAD", "GET"]) {
      const response = await ask("/a", { method, headers: { accept: RAW, "if-match": "*" } });
      expect(response.status).toBe(method === "HEAD" ? 200 : 500);
      if (method === "GET") expect((await response.json()).message).toBe("Internal Server Error");
    }
    expect(logged.mock.calls.length).toBeGreaterThanOrEqual(2);
  });

  test.each(["is in use", "was read"])("a stream that %s is an error", async (kind) => {
    const { storage, ask } = await serving();
    await storage.setItemRaw("a", await STREAMS[kind]());
    expect((await ask("/a", { headers: { accept: RAW } })).status).toBe(500);
    expect(logged).toHaveBeenCalledTimes(1);
  });

  test("a stream that breaks off breaks the answer off", async () => {
    const getItemRaw = () => breaking();
    const storage = createStorage({ driver: { ...mapDriver(), getItemRaw } });
    const { ask } = await serving(open, storage);
    const response = await ask("/a", { headers: { accept: RAW } });
    await expect(response.text()).rejects.toThrow(/^(broken off|terminated)$/);
    expect((await ask("/")).status).toBe(200);
    // Of what a Response is read by, the server over it tells.
    expect(logged).toHaveBeenCalledTimes(name === "createStorageHandler" ? 0 : 1);
  });

  test.each(["a\u0001b", "a\nb", "\u20ac"])(
    "a refusal with the header %j is an error",
    async (value) => {
      const { storage, ask } = await serving({
        authorize() {
          throw Object.assign(new Error("no"), { status: 403, headers: { "x-key": value } });
        },
      });
      await storage.setItem("a", "secret");
      for (const method of ["GET", "HEAD", "PUT", "DELETE"]) {
        const response = await ask("/a", { method, body: method === "PUT" ? "new" : undefined });
        expect([response.status, response.headers.get("x-key")]).toEqual([500, null]);
        expect(await response.text()).not.toContain("secret");
      }
      expect(await storage.getItem("a")).toBe("secret");
      expect(logged).toHaveBeenCalledTimes(4);
    },
  );
});

test("a connection on which nothing can be sent is closed", async () => {
  const { handle } = createStorageServer(createStorage(), {
    authorize({ event, key }) {
      if (key !== "a") return;
      event.node.res.writeHead = () => {
        throw new Error("no head");
      };
    },
  });
  const server = await startServer(handle);
  onTestFinished(server.stop);
  const signal = AbortSignal.timeout(5000);
  await expect(fetch(`${server.url}/a`, { signal })).rejects.toThrow("fetch failed");
  expect((await fetch(`${server.url}/b`)).status).toBe(404);
  expect(logged.mock.lastCall[1].message).toBe("no head");
});
