/** Answers each line of its standard input, a key, with the item and all keys. */
import { createStorage } from "rustorage";
import { createInterface } from "node:readline";
import { FACTORIES } from "./factories.js";

const { name, path } = JSON.parse(process.argv[2]);
const storage = createStorage({ driver: FACTORIES[name]({ path }) });
console.log("ready");
for await (const key of createInterface({ input: process.stdin })) {
  const answer = { value: await storage.getItem(key), keys: await storage.getKeys() };
  console.log(JSON.stringify(answer));
}
