import { createFileDriver } from "../file-driver.js";

export default function fsLite(options = {}) {
  return createFileDriver("fs-lite", options);
}
export { fsLite as "module.exports" };
