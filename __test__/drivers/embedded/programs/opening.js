/** Opens the file, writes an item and closes it, `count` times; prints how many of them it read afterwards. */
import { createStorage } from "rustorage";
import { FACTORIES } from "./factories.js";

const { name, path, count } = JSON.parse(process.argv[2]);
const storage = createStorage({ driver: FACTORIES[name]({ path, sync: "none" }) });
console.log("begins");
for (let number = 0; number < count; number++) {
  await storage.setItem(`other:${number}`, number);
  await storage.dispose();
}
console.log((await storage.getKeys("other")).length);
