import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["__test__/**/*.test.js"],
    // Two cores are all that a runner may have, and some suites start processes and servers.
    maxWorkers: 2,
    // Disks differ: on some, a thousand renames take a minute.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    restoreMocks: true,
  },
});
