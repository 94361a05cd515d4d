export { github as default, github as "module.exports" } from "../service-drivers.js";
