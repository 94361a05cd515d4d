import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["__test__/**/*.test.js"],
    // Two cores are all that a runner may have, and some suites start processes and servers.
    maxWorkers: 2,
    testTimeout: 20_000,
    restoreMocks: true,
  },
});
