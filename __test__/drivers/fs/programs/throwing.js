/** A callback throws: prints what another one hears, how a call ends, and what the process hears. */
import fs from "rustorage/drivers/fs";
import { setTimeout as sleep } from "node:timers/promises";

const uncaught = [];
process.on("uncaughtException", (error) => uncaught.push(error.message));

const driver = fs({ base: process.argv[2] });
const events = [];
await driver.watch(() => {
  throw new Error("expected");
});
await driver.watch((event, key) => events.push(`${event} ${key}`));
await driver.setItem("a", "1");
while (events.length === 0) await sleep(20);
console.log(JSON.stringify({ events, uncaught, value: await driver.getItem("a") }));
await driver.dispose();
