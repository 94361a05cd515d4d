/** Writes one half of 1,000 pairs `foo` and `foo:bar`, all at once. */
import { createStorage } from "rustorage";
import fs from "rustorage/drivers/fs";

const [, , base, which] = process.argv;
const storage = createStorage({ driver: fs({ base }) });
const keys = Array.from({ length: 1000 }, (_, index) =>
  which === "item" ? `p${index}` : `p${index}:below`,
);
await Promise.all(keys.map((key) => storage.setItem(key, key.padEnd(3000, "."))));
