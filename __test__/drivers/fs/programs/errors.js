/** Makes each call while no file can be opened, and prints how it failed; then what is there when files are closed again. */
import { createStorage } from "rustorage";
import fs from "rustorage/drivers/fs";
import { closeSync, openSync } from "node:fs";

const storage = createStorage({ driver: fs({ base: process.argv[2] }) });

const files = [];
try {
  for (;;) files.push(openSync("/dev/null"));
} catch {
  // No more can be opened.
}
const limited = files.length < 1000;
if (!limited) for (const file of files) closeSync(file);

const CALLS = {
  getItem: () => storage.getItem("item"),
  setItem: () => storage.setItem("item", "new"),
  getItems: () => storage.getItems(["dir:item", "item"]),
  removeItem: () => storage.removeItem("dir:item"),
  getKeys: () => storage.getKeys("dir"),
  clear: () => storage.clear("dir"),
  watch: async () => (await storage.watch(() => {}))(),
};
const before = {};
for (const [operation, call] of Object.entries(CALLS)) {
  try {
    before[operation] = { returned: await call() };
  } catch ({ code, driver, operation: of, key, message }) {
    before[operation] = { code, driver, operation: of, key, message };
  }
}
let after;
if (limited) {
  for (const file of files) closeSync(file);
  after = { value: await storage.getItem("item"), keys: (await storage.getKeys()).sort() };
}
console.log(JSON.stringify({ before, after }));
