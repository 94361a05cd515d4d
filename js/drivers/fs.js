import { createFileDriver } from "../file-driver.js";

export default function fs(options = {}) {
  return createFileDriver("fs", options);
}
export { fs as "module.exports" };
