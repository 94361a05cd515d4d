/** Lists and clears what is deep under a base, and prints what there was. */
import { createStorage } from "rustorage";
import fs from "rustorage/drivers/fs";

const storage = createStorage({ driver: fs({ base: process.argv[2] }) });
const all = await storage.getKeys();
const shallow = await storage.getKeys("", { maxDepth: 100 });
await storage.clear("d:d");
const rest = await storage.getKeys();
await storage.clear();
console.log(JSON.stringify({ all, shallow, rest }));
