import { expect, test } from "vitest";
import { useExample } from "./examples.js";

const { ask, restart } = useExample("nitro");

test("every mount but the bundled assets runs in Rust, and both useStorage give one storage", async () => {
  const { body } = await ask("GET", "/mounts");
  expect(body.shared).toBe(true);
  const native = Object.fromEntries(body.mounts.map((mount) => [mount.base, mount.native]));
  expect(native).toEqual({ "assets:": false, "data:": true, "recent:": true, "": true });
});

test("memory, the disk and a driver mounted at run time", async () => {
  await restart({ RECENT_MAX: "3" });
  await ask("PUT", "/storage/test:foo", { hello: "world" });
  expect((await ask("GET", "/storage/test:foo")).body).toEqual({ value: { hello: "world" } });
  await ask("PUT", "/storage/data:a:b", [1, 2]);
  expect((await ask("GET", "/keys?base=data")).body).toEqual(["a:b"]);
  for (const key of [1, 2, 3, 4]) await ask("PUT", `/storage/recent:${key}`, { key });
  expect((await ask("GET", "/keys?base=recent")).body).toEqual(["4", "3", "2"]);
});

test("what is on disk survives a restart, what is in memory does not", async () => {
  await ask("PUT", "/storage/kept", { in: "memory" });
  await ask("PUT", "/storage/data:kept", { on: "disk" });
  await restart();
  expect((await ask("GET", "/storage/kept")).status).toBe(404);
  expect((await ask("GET", "/storage/data:kept")).body).toEqual({ value: { on: "disk" } });
  await ask("DELETE", "/storage/data:kept");
  expect((await ask("GET", "/storage/data:kept")).status).toBe(404);
});
