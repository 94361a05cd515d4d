/** Clears a base that not all can be removed from; prints what the storage's watchers heard, and the error. */
import { createStorage } from "rustorage";
import fsLite from "rustorage/drivers/fs-lite";

const storage = createStorage().mount("data", fsLite({ base: process.argv[2] }));
const events = [];
await storage.watch((event, key) => events.push(`${event} ${key}`));
const { code, key, message, stack } = await storage.clear().catch((error) => error);
console.log(JSON.stringify({ events, code, key, message, stack }));
