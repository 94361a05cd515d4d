/** The mount `data` that every app has, over what the app chose. */

/** What it can be kept in. */
export const DATA_DRIVERS = ["fs", "lmdb", "sqlite"];

/** The mount at `place`: a folder of files, or a database beside where that would be. */
export function dataMount(driver, place) {
  return driver === "fs" ? { driver, base: place } : { driver, path: `${place}.${driver}` };
}
