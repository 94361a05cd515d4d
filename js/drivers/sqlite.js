/** A table in a SQLite file, as unstorage's db0 driver makes it. */
import { createEmbeddedDriver } from "../embedded-driver.js";

export default function sqlite(options = {}) {
  return createEmbeddedDriver("sqlite", options);
}

export { sqlite as "module.exports" };
