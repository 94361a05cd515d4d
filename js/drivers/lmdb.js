/** A file of LMDB, which several processes of a machine may use at once. */
import { createEmbeddedDriver } from "../embedded-driver.js";

export default function lmdb(options = {}) {
  return createEmbeddedDriver("lmdb", options);
}

export { lmdb as "module.exports" };
