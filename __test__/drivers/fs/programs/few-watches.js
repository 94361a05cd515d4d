/** Watches where the system gives six inotify watches: prints how a watch of more folders fails, and what a watcher hears that meets the limit later. */
import fs from "rustorage/drivers/fs";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const base = process.argv[2];
const many = join(base, "many");
for (let index = 0; index < 10; index++) mkdirSync(join(many, String(index)), { recursive: true });

const events = [];
const unwatch = await fs({ base: join(base, "few") }).watch((event, key) =>
  events.push(`${event} ${key}`),
);
const until = async (count) => {
  while (events.length < count) await sleep(50);
};
for (let index = 0; index < 10; index++) {
  mkdirSync(join(base, "few", String(index)));
  writeFileSync(join(base, "few", String(index), "a"), "");
}
await until(10);
for (let index = 0; index < 10; index++) writeFileSync(join(base, "few", String(index), "b"), "");
await until(20);
await unwatch();

const refused = await fs({ base: many })
  .watch(() => {})
  .catch(({ code, message }) => ({ code, message }));
console.log(JSON.stringify({ refused, events: events.sort() }));
