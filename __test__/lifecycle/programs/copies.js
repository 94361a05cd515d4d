/** Two copies of the package over one addon, as where a bundler took one in: both answer, to the end. */
import assert from "node:assert/strict";
import { cpSync, mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const folder = process.argv[2];
const checkout = fileURLToPath(new URL("../../..", import.meta.url));
const place = join(folder, "copy");
mkdirSync(place);
for (const part of ["index.js", "package.json", "js"]) {
  cpSync(join(checkout, part), join(place, part), { recursive: true });
}
for (const part of ["npm", "node_modules"]) symlinkSync(join(checkout, part), join(place, part));

const copies = [];
for (const root of [checkout, place]) {
  const load = (path) => import(pathToFileURL(join(root, path)).href);
  const { createStorage } = await load("index.js");
  const { default: fs } = await load("js/drivers/fs.js");
  const { default: lruCache } = await load("js/drivers/lru-cache.js");
  const base = join(folder, `files-${copies.length}`);
  const left = [];
  const storage = createStorage({
    driver: lruCache({ max: 1, dispose: (_, key) => left.push(key) }),
  });
  copies.push({ storage: storage.mount("files", fs({ base })), left });
}
assert.notEqual(copies[0].storage.getItem, copies[1].storage.getItem);
for (let round = 0; round < 3; round++) {
  for (const { storage, left } of copies) {
    left.length = 0;
    await storage.setItem("files:a", round);
    await storage.setItem("a", { round });
    await storage.setItem("b", { round });
    assert.deepEqual(await storage.getItem("b"), { round });
    assert.equal(left.at(-1), "a");
  }
  const read = copies.map(({ storage }) => storage.getItem("files:a"));
  assert.deepEqual(await Promise.all(read), [round, round]);
}
for (const { storage } of copies) assert.deepEqual(await storage.getKeys(), ["files:a", "b"]);
