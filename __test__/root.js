/** What only root can do. What continuous integration cannot run of it must not be passed over: there, nothing is skipped. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { folder } from "./folder.js";

const CI = Boolean(process.env.CI);
const isRoot = process.getuid?.() === 0;

/** A user who owns nothing, as options of a process. */
export const NOBODY = { uid: 65534, gid: 65534 };

export const canBeNobody = CI || isRoot;
export const canMount = CI || (isRoot && mounts());

function mounts() {
  const place = mkdtempSync(join(tmpdir(), "rustorage-mount-"));
  // There may be no such program.
  const mounted = spawnSync("mount", ["-t", "tmpfs", "tmpfs", place]).status === 0;
  if (mounted) execFileSync("umount", [place]);
  rmdirSync(place);
  return mounted;
}

/** A folder that is a disk in memory with these options, until the test ends. */
export function disk(options) {
  const base = folder();
  execFileSync("mount", ["-t", "tmpfs", "-o", options, "tmpfs", base]);
  onTestFinished(() => execFileSync("umount", [base]));
  return base;
}
