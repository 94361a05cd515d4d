/** A variable is for the mounts that there are: those whose drivers are gone take none. */
import assert from "node:assert";
import { setTimeout } from "node:timers/promises";
import { configDriver, createStorage } from "rustorage";
import fs from "rustorage/drivers/fs";
import memory from "rustorage/drivers/memory";

process.env.NITRO_STORAGE_TWO_NAMES_MAX_ENTRIES = "5";
process.env.NITRO_STORAGE_A_WATCH_OPTIONS_INTERVAL = "malformed";

const options = (mount, more) => ({ "rustorage:mount": mount, ...more });
const read = async (driver) => driver.getItem("a");
const outcome = (driver) =>
  read(driver).then(
    () => undefined,
    ({ message }) => message,
  );

/** What is made here is garbage when it returns. */
async function makeAndDrop() {
  const others = [memory(options("two-names")), fs(options("a_watch", { base: "." }))];
  assert.match(
    await outcome(memory(options("two:names"))),
    /may be for "two-names" and "two:names"/,
  );
  assert.equal(await outcome(fs(options("a", { base: "." }))), undefined);
  assert.equal(others.length, 2);
}

// A driver in JavaScript is known by its mount too, when it is made and takes the place of what was mounted.
const script = () => ({ hasItem: () => false, getItem: () => null, getKeys: () => [] });
const storage = createStorage().mount(
  "b_watch",
  configDriver("own", options("b_watch"), () => script),
);
process.env.NITRO_STORAGE_B_WATCH_OPTIONS_INTERVAL = "malformed";
assert.equal(await storage.getItem("b_watch:a"), null);

await makeAndDrop();
for (let turn = 0; turn < 5; turn++) {
  globalThis.gc();
  await setTimeout(10);
}
assert.equal(await outcome(memory(options("two:names"))), undefined);
assert.match(await outcome(fs(options("a", { base: "." }))), /A_WATCH_OPTIONS_INTERVAL must be/);
assert.equal(await outcome(fs(options("b", { base: "." }))), undefined);
assert.equal(await storage.getItem("b_watch:a"), null);
