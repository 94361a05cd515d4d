/** A folder that goes with the test. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

export function folder() {
  const path = mkdtempSync(join(tmpdir(), "rustorage-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}
