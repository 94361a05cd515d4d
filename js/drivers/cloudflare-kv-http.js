export {
  cloudflareKvHttp as default,
  cloudflareKvHttp as "module.exports",
} from "../service-drivers.js";
