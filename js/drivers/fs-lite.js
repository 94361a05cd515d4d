export { fsLite as default, fsLite as "module.exports" } from "../file-driver.js";
