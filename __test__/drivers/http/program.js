/** Reads, writes and lists by the base that it is given, and closes nothing. */
import { createStorage } from "rustorage";
import http from "rustorage/drivers/http";

const storage = createStorage({ driver: http({ base: process.argv[2], limits: { retries: 0 } }) });
const said = await storage.getItem("a").catch(({ code, message }) => ({ code, message }));
console.log(JSON.stringify(said));
