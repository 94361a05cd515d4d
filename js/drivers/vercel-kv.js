export { vercelKv as default, vercelKv as "module.exports" } from "../service-drivers.js";
