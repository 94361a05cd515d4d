/** Uses a Redis that may be down, and closes nothing. */
import { createStorage } from "rustorage";
import redis from "rustorage/drivers/redis";

const [, , port, what] = process.argv;
const options = {
  port,
  maxRetriesPerRequest: 2,
  retryStrategy: 1,
  preConnect: what === "preConnect",
};
const storage = createStorage({ driver: redis(options) });
const said =
  what === "call" ? await storage.getItem("never written").catch(({ code }) => code) : "made";
console.log(JSON.stringify(said));
