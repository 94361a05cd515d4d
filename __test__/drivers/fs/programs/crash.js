/** Writes values that say which they are to a few keys, over and over, and prints the number of each round that is done. */
import { createStorage } from "rustorage";
import fs from "rustorage/drivers/fs";

const { base, options, keys, first, length } = JSON.parse(process.argv[2]);
const storage = createStorage({ driver: fs({ base, ...options }) });
for (let number = first; ; number++) {
  const value = String(number)
    .padStart(8, "0")
    .repeat(length / 8);
  await Promise.all(keys.map((key) => storage.setItemRaw(key, value)));
  process.stdout.write(`${number}\n`);
}
