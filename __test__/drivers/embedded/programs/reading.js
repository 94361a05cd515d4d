/** Reads one item over and over, and prints a line for each time. */
import { createStorage } from "rustorage";
import { FACTORIES } from "./factories.js";

const { name, path, key } = JSON.parse(process.argv[2]);
const storage = createStorage({ driver: FACTORIES[name]({ path }) });
for (;;) {
  await storage.getItem(key);
  process.stdout.write("read\n");
}
