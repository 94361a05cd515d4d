/** Writes values that say which they are, over and over, and prints the number of each round that is done. */
import { createStorage } from "rustorage";
import { FACTORIES } from "./factories.js";

const { name, path, options, keys, first, length } = JSON.parse(process.argv[2]);
const storage = createStorage({ driver: FACTORIES[name]({ path, ...options }) });
for (let number = first; ; number++) {
  const value = String(number)
    .padStart(8, "0")
    .repeat(length / 8);
  await Promise.all([
    ...keys.map((key) => storage.setItemRaw(key, value)),
    storage.setItems(keys.map((key) => ({ key: `batch:${key}`, value: number }))),
    storage.setItem("brief", number, { ttl: 0.01 }),
  ]);
  process.stdout.write(`${number}\n`);
}
