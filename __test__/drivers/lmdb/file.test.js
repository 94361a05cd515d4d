/** What lies in the file. */
import { createStorage } from "rustorage";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { open } from "../embedded/drivers.js";
import { folder } from "../../folder.js";

test("nothing that the process had in memory for others", async () => {
  const base = folder();
  const secret = "TOPSECRET-";
  const others = createStorage({ driver: open("sqlite", join(base, "others")) });
  for (let number = 0; number < 200; number++) {
    await others.setItem(`password:${number}`, secret.repeat(100));
  }
  await others.dispose();
  const path = join(base, "items");
  const storage = createStorage({ driver: open("lmdb", path) });
  const value = "y".repeat(4200);
  await storage.setItem("a", value);
  await storage.setItems(Array.from({ length: 50 }, (_, index) => ({ key: `b${index}`, value })));
  await storage.dispose();
  const file = readFileSync(path);
  expect(file.includes(value)).toBe(true);
  for (const text of [secret, "password:"]) expect(file.includes(text)).toBe(false);
});
