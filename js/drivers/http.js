export { http as default, http as "module.exports" } from "../service-drivers.js";
