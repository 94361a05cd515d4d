import { expect, test } from "vitest";
import { useExample } from "../examples.js";
import { NODE_22 } from "../targets.js";

const { ask, page, restart } = useExample("nuxt", { node: NODE_22 });

const visits = async () => Number(/Visits: (\d+)/.exec(await page("/"))[1]);

test("visits are counted by page, on disk", async () => {
  expect((await ask("GET", "/api/visits?page=a")).body).toEqual({ page: "a", count: 1 });
  expect((await ask("GET", "/api/visits?page=a")).body).toEqual({ page: "a", count: 2 });
  const before = await visits();
  expect(await visits()).toBe(before + 1);
  await restart();
  expect((await ask("GET", "/api/visits?page=a")).body).toEqual({ page: "a", count: 3 });
  expect(await visits()).toBeGreaterThan(before + 1);
});
