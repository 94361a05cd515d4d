import { afterAll, beforeAll, expect, test } from "vitest";
import { buildApp, removeApp, startApp } from "../../scripts/nitro-app.js";

let folder;
let app;

beforeAll(async () => {
  folder = buildApp();
  app = await startApp(folder, { RECENT_MAX: "3" });
}, 300_000);

afterAll(async () => {
  await app?.stop();
  if (folder) removeApp(folder);
});

test("every mount but the bundled assets runs in Rust, and both useStorage give one storage", async () => {
  const { body } = await app.ask("GET", "/mounts");
  expect(body.shared).toBe(true);
  const native = Object.fromEntries(body.mounts.map((mount) => [mount.base, mount.native]));
  expect(native).toEqual({ "assets:": false, "data:": true, "recent:": true, "": true });
});

test("memory, the disk and a driver mounted at run time", async () => {
  await app.ask("PUT", "/storage/test:foo", { hello: "world" });
  expect((await app.ask("GET", "/storage/test:foo")).body).toEqual({ value: { hello: "world" } });
  await app.ask("PUT", "/storage/data:a:b", [1, 2]);
  expect((await app.ask("GET", "/keys?base=data")).body).toEqual(["a:b"]);
  for (const key of [1, 2, 3, 4]) await app.ask("PUT", `/storage/recent:${key}`, { key });
  expect((await app.ask("GET", "/keys?base=recent")).body).toEqual(["4", "3", "2"]);
});

test("what is on disk survives a restart, what is in memory does not", async () => {
  await app.ask("PUT", "/storage/kept", { in: "memory" });
  await app.ask("PUT", "/storage/data:kept", { on: "disk" });
  await app.stop();
  app = await startApp(folder);
  expect((await app.ask("GET", "/storage/kept")).status).toBe(404);
  expect((await app.ask("GET", "/storage/data:kept")).body).toEqual({ value: { on: "disk" } });
  await app.ask("DELETE", "/storage/data:kept");
  expect((await app.ask("GET", "/storage/data:kept")).status).toBe(404);
});
