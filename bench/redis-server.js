/** The one Redis that all libraries are measured on. It ends with the process. */
import { startRedis } from "../__test__/servers/redis.js";

let started;

export function server() {
  return (started ??= startRedis());
}
