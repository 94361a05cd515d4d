import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { startDevelopment } from "../../../scripts/app.js";
import { RUN_TIME } from "../behaviour.js";
import { setUpTarget } from "../targets.js";

const MINUTES = 60_000;

test.each(["beta", "nitropack"])(
  "%s: in development the build's folder may be one from which no package is found",
  async (name) => {
    const target = setUpTarget(name, "npm", "build-folder");
    const folder = mkdtempSync(join(tmpdir(), "rustorage-build-"));
    const env = { ...target.env, ...RUN_TIME, BUILD_DIR: folder };
    const server = await startDevelopment(target.app, target.development, { ...target, env });
    try {
      const { mounts, shared } = (await server.ask("GET", "/mounts")).body;
      expect(shared).toBe(true);
      expect(mounts).toContainEqual({ base: "build:", driver: "fs", native: true });
    } finally {
      await server.stop();
      rmSync(folder, { recursive: true });
    }
  },
  10 * MINUTES,
);
