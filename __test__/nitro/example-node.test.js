import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { exampleApp, start } from "../../scripts/app.js";

let app;
let server;

beforeAll(async () => {
  app = exampleApp("node");
  rmSync(join(app, ".data"), { recursive: true, force: true });
  server = await start(["npm", "start"], app);
}, 300_000);

afterAll(async () => {
  await server?.stop();
});

test("items in memory and on disk, for as long as they are to live", async () => {
  await server.ask("PUT", "/in/memory", [1]);
  await server.ask("PUT", "/data/kept", { on: "disk" });
  await server.ask("PUT", "/data/short?ttl=0.2", "life");
  expect((await server.ask("GET", "/in/memory")).body).toEqual({ value: [1] });
  await vi.waitFor(async () => {
    expect((await server.ask("GET", "/data/short")).status).toBe(404);
  });
  await server.stop();
  server = await start(["npm", "start"], app);
  expect((await server.ask("GET", "/in/memory")).status).toBe(404);
  expect((await server.ask("GET", "/data/kept")).body).toEqual({ value: { on: "disk" } });
  await server.ask("DELETE", "/data/kept");
  expect((await server.ask("GET", "/data/kept")).status).toBe(404);
});

test("what cannot be is told", async () => {
  const { status, body } = await server.ask("GET", "/data/..%2f");
  expect(status).toBe(404);
  expect(body.error).toContain("No item");
  expect((await server.ask("GET", "/")).body.error).toContain("Invalid key");
});
