/** Where the servers differ from unstorage's on purpose. */
import { createStorage } from "rustorage";
import fs from "rustorage/drivers/fs";
import memory from "rustorage/drivers/memory";
import { createStorageHandler, createStorageServer } from "rustorage/server";
import * as unstorage from "unstorage";
import { createStorageHandler as createTheirHandler } from "unstorage/server";
import { createStorage as createStorageV1 } from "unstorage-v1";
import { createStorageServer as createServerV1 } from "unstorage-v1/server";
import { expect, onTestFinished, test, vi } from "vitest";
import { startServer } from "../servers/storage.js";
import { folder } from "../folder.js";

/** Our handler and that of unstorage 2, each on a storage in memory; `ask` asks both, ours first. */
function servers(options = { authorize: () => {} }) {
  const ours = createStorage();
  const theirs = unstorage.createStorage();
  const handlers = [createStorageHandler(ours, options), createTheirHandler(theirs, options)];
  return {
    ours,
    theirs,
    ask: (path, init) =>
      Promise.all(handlers.map((handle) => handle(new Request(`http://localhost${path}`, init)))),
    statuses: async (path, init) =>
      Promise.all(
        handlers.map(
          async (handle) => (await handle(new Request(`http://localhost${path}`, init))).status,
        ),
      ),
  };
}

const OCTETS = "application/octet-stream";

test("a server refuses where authorize gives false", async () => {
  const { statuses } = servers({ authorize: () => false });
  expect(await statuses("/a")).toEqual([401, 404]);
});

test("a server refuses options that it does not know", () => {
  const options = { authorise: () => {} };
  expect(() => createStorageHandler(createStorage(), options)).toThrow(
    /unknown option `authorise`/,
  );
  expect(createTheirHandler(unstorage.createStorage(), options)).toBeTypeOf("function");
});

test("a server that is open says so", () => {
  const warned = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
  createStorageHandler(createStorage(), { authorize: () => {} });
  expect(warned).not.toHaveBeenCalled();
  createStorageHandler(createStorage());
  createStorageServer(createStorage());
  expect(warned.mock.calls).toEqual([
    [
      expect.stringContaining("without `authorize`"),
      { type: "RustorageWarning", code: "RUSTORAGE_OPEN_SERVER" },
    ],
  ]);
});

test("a server refuses an x-ttl that is no number", async () => {
  const { ours, theirs, statuses } = servers();
  const init = { method: "PUT", body: "1", headers: { "x-ttl": "1 minute" } };
  expect(await statuses("/a", init)).toEqual([400, 200]);
  expect([await ours.hasItem("a"), await theirs.hasItem("a")]).toEqual([false, true]);
});

test("a server refuses an encoded ? in a path", async () => {
  const { ours, theirs, statuses } = servers();
  for (const storage of [ours, theirs]) await storage.setItem("a", 1);
  expect(await statuses("/a%3Fb", { method: "DELETE" })).toEqual([400, 200]);
  expect([await ours.hasItem("a"), await theirs.hasItem("a")]).toEqual([true, false]);
});

test("a server knows the raw type by its name", async () => {
  const { ours, theirs, ask } = servers();
  const headers = { "content-type": `${OCTETS}; charset=binary` };
  await ask("/a", { method: "PUT", body: new Uint8Array([255]), headers });
  expect(await ours.getItemRaw("a")).toEqual(new Uint8Array([255]));
  expect(await theirs.getItemRaw("a")).toBe("\ufffd");
});

test("a server gives bytes as text, too", async () => {
  const logged = vi.spyOn(console, "error").mockImplementation(() => {});
  const { ours, theirs, ask } = servers();
  for (const storage of [ours, theirs]) await storage.setItemRaw("a", new Uint8Array([104, 105]));
  const [answer, theirAnswer] = await ask("/a");
  expect([answer.status, await answer.text(), theirAnswer.status]).toEqual([200, "hi", 500]);
  expect(logged).toHaveBeenCalledTimes(1);
});

test("a server answers 400 and 413 for what its storage refuses", async () => {
  const logged = vi.spyOn(console, "error").mockImplementation(() => {});
  const storage = createStorage({ driver: fs({ base: folder() }) });
  storage.mount("small", memory({ maxBytes: 5 }));
  for (const [create, path, status] of [
    [createStorageHandler, "/a%00b", 400],
    [createTheirHandler, "/a%00b", 500],
    [createStorageHandler, "/small/a", 413],
    [createTheirHandler, "/small/a", 500],
  ]) {
    const request = new Request(`http://localhost${path}`, { method: "PUT", body: "long text" });
    const response = await create(storage, { authorize: () => {} })(request);
    expect([path, response.status]).toEqual([path, status]);
  }
  expect(logged).toHaveBeenCalledTimes(2);
});

test("a server answers conditions and ranges", async () => {
  const { ours, theirs, ask, statuses } = servers();
  for (const storage of [ours, theirs]) await storage.setItemRaw("a", Buffer.from("0123"));
  const [{ headers }, theirAnswer] = await ask("/a", { headers: { accept: OCTETS } });
  expect([headers.get("cache-control"), headers.get("etag")]).toEqual([
    "no-cache",
    expect.any(String),
  ]);
  expect(theirAnswer.headers.get("etag")).toBe(null);
  const part = { accept: OCTETS, range: "bytes=1-2" };
  expect(await statuses("/a", { headers: part })).toEqual([206, 200]);
  const unchanged = { accept: OCTETS, "if-none-match": headers.get("etag") };
  expect(await statuses("/a", { headers: unchanged })).toEqual([304, 200]);
  const create = { method: "PUT", body: "new", headers: { "if-none-match": "*" } };
  expect(await statuses("/a", create)).toEqual([412, 200]);
});

/** Our server and that of unstorage 1.17, on sockets; `fetchBoth` asks both, ours first. */
async function nodeServers() {
  const ours = createStorage();
  const theirs = createStorageV1();
  const handles = [
    createStorageServer(ours, { authorize: () => {} }).handle,
    createServerV1(theirs).handle,
  ];
  const started = await Promise.all(handles.map(startServer));
  for (const { stop } of started) onTestFinished(stop);
  const fetchBoth = (path, init) => Promise.all(started.map(({ url }) => fetch(url + path, init)));
  return { ours, theirs, fetchBoth };
}

test("a server writes empty bodies", async () => {
  const { ours, theirs, fetchBoth } = await nodeServers();
  await fetchBoth("/a", { method: "PUT", body: "" });
  expect([await ours.getItem("a"), await theirs.getItem("a")]).toEqual(["", null]);
});

test("a server's answers are no pages", async () => {
  const { ours, theirs, fetchBoth } = await nodeServers();
  for (const storage of [ours, theirs]) await storage.setItem("a", "<script>");
  const types = (await fetchBoth("/a")).map(({ headers }) => headers.get("content-type"));
  expect(types).toEqual(["text/plain;charset=UTF-8", "text/html"]);
});
