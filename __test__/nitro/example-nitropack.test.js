import { expect, test } from "vitest";
import { useExample } from "./examples.js";

const { ask, restart } = useExample("nitropack");

test("items and a cached answer are on disk and survive a restart", async () => {
  await ask("PUT", "/storage/users/ada", { born: 1815 });
  const { body: cached } = await ask("GET", "/time");
  await restart();
  expect((await ask("GET", "/storage/users/ada")).body).toEqual({ value: { born: 1815 } });
  expect((await ask("GET", "/time")).body).toEqual(cached);
  await ask("DELETE", "/storage/users/ada");
  expect((await ask("GET", "/storage/users/ada")).status).toBe(404);
});
