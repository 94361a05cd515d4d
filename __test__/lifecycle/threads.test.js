/** Worker threads come, work side by side, and go in the middle of a call. */
import { describe, expect, test } from "vitest";
import { run } from "./run.js";
import { folder } from "../folder.js";

test("threads at once each see their own values", async () => {
  const answers = await run("many-workers", folder());
  expect(answers).toEqual(Array.from({ length: 4 }, () => ({ problems: [], keys: 200 })));
});

describe.each(["exits", "is terminated"])("a worker that %s with 1,000 calls in flight", (how) => {
  test.each(["loaded", "never loaded"])(
    "neither crashes nor leaks, the main thread having %s the addon",
    { timeout: 90_000 },
    async (mainThread) => {
      const { early, late } = await run("leaving-workers", folder(), how, mainThread);
      expect(late.threads).toBeLessThanOrEqual(early.threads);
      // Twenty workers have come and gone in between; what a worker takes goes some time after it.
      expect(late.files).toBeLessThan(early.files + 15);
      expect(late.kilobytes).toBeLessThan(early.kilobytes + 40_000);
    },
  );
});
