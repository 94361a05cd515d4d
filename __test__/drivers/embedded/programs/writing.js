/** Writes `count` items under its own prefix, many at a time, and one that all processes write; then ends by itself. */
import { createStorage } from "rustorage";
import { FACTORIES } from "./factories.js";

const { name, path, options, prefix, count, length = 10 } = JSON.parse(process.argv[2]);
const storage = createStorage({ driver: FACTORIES[name]({ path, ...options }) });
console.log("begins");
const value = "x".repeat(length);
for (let begun = 0; begun < count; begun += 50) {
  await Promise.all(
    Array.from({ length: 50 }, (_, index) => storage.setItem(`${prefix}:${begun + index}`, value)),
  );
  await storage.setItem("shared", prefix);
}
console.log((await storage.getKeys(prefix)).length);
