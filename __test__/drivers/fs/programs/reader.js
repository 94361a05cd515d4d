/** Prints what the item `item` is, again and again, until it is killed. */
import { createStorage } from "rustorage";
import fs from "rustorage/drivers/fs";

const storage = createStorage({ driver: fs({ base: process.argv[2] }) });
setInterval(async () => console.log(String(await storage.getItem("item"))), 50);
