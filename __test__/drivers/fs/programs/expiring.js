/** Writes items that expire soon, then items that last, expire and are cleared, over and over; prints the number of each round that is done. */
import { createStorage } from "rustorage";
import fs from "rustorage/drivers/fs";

const { base, options, shared, first } = JSON.parse(process.argv[2]);
const storage = createStorage({ driver: fs({ base, ...options }) });
await Promise.all(shared.map((key) => storage.setItem(key, "old", { ttl: 0.02 })));
for (let number = first; ; number++) {
  await Promise.all([
    storage.setItem("brief:a", number, { ttl: 0.001 }),
    storage.setItem("brief", number, { ttl: 0.001 }),
    storage.setItem("turns", number - 1, { ttl: 0.001 }),
    storage.setItem("turns", number),
    storage.setItem("cleared:a", number),
    storage.setItem("cleared", number, { ttl: 100 }),
  ]);
  await storage.clear("cleared");
  await storage.removeItem("cleared");
  process.stdout.write(`${number}\n`);
}
