/** The drivers over a database in a file, by their names, and the values of `sync` that each has. */
import { FACTORIES } from "./programs/factories.js";
import { onTestFinished } from "vitest";

export const DRIVERS = Object.keys(FACTORIES);
export const LEVELS = [
  ["lmdb", "full"],
  ["lmdb", "no-meta"],
  ["lmdb", "none"],
  ["sqlite", "full"],
  ["sqlite", "normal"],
  ["sqlite", "none"],
];

/** A driver that the test disposes of. */
export function open(name, path, options) {
  const driver = FACTORIES[name]({ path, ...options });
  onTestFinished(() => driver.dispose());
  return driver;
}
