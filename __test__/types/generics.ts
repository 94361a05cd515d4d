/** What the compiler knows of items, as it does in unstorage. */
import type { JSONValue, Storage } from "rustorage";
import {
  builtinDrivers,
  createStorage,
  defineDriver,
  defineStorage,
  fromEnv,
  isStorageError,
  useStorage,
} from "rustorage";
import memory, { type MemoryOptions } from "rustorage/drivers/memory";

type Equal<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
declare function same<A, B>(proof: Equal<A, B>): void;

interface User {
  name: string;
}

const typed = createStorage<{ items: { user: User; count: number } }>();
const user = await typed.getItem("user");
same<typeof user, User | null>(true);
same<Awaited<ReturnType<typeof useCount>>, number | null>(true);
function useCount() {
  return typed.get("count");
}
await typed.setItem("count", 1);
await typed.set("user", { name: "Ada" });
// @ts-expect-error A count is a number.
await typed.setItem<{ items: { user: User; count: number } }, "count">("count", "one");

const plain = createStorage();
const named = await plain.getItem<User>("any");
same<typeof named, User | null>(true);
const texts = createStorage<string>();
const text = await texts.getItem("any");
same<typeof text, string | null>(true);
// @ts-expect-error Only texts are stored here.
await texts.setItem("any", 1);

const bytes = await plain.getItem("any", { type: "bytes" });
same<typeof bytes, Uint8Array | null>(true);
const json = await plain.getItem("any", { type: "json" });
same<typeof json, JSONValue | null>(true);
const stream = await plain.getItem("any", { type: "stream" });
same<typeof stream, ReadableStream<Uint8Array> | null>(true);
// @ts-expect-error There is no such type.
await plain.getItem("any", { type: "xml" });

const both = await plain.getItems(["a", { key: "b", options: { type: "text" } }], { type: "json" });
same<(typeof both)[number]["value"], JSONValue | string | null>(true);

const raw: Buffer | null = await plain.getItemRaw<Buffer>("any");
void raw;
interface Buffer extends Uint8Array {}

await plain.setItem("any", 1, { ttl: 60 });
// @ts-expect-error Seconds are a number.
await plain.setItem("any", 1, { ttl: "60" });

defineStorage({
  storage: {
    a: { driver: "fs", base: "{{BASE}}" },
    b: { driver: memory, maxBytes: 5 },
    c: { driver: memory() },
    d: { driver: "./my-driver" },
  },
  devStorage: undefined,
  dev: true,
});
// @ts-expect-error A mount has a driver.
defineStorage({ storage: { a: { base: "a" } } });
memory(fromEnv({ maxBytes: "{{MOST}}" }));
// @ts-expect-error Only text has variables in it.
memory(fromEnv({ maxBytes: true }));

const used: Storage<User> = useStorage<User>("users");
const found = await used.get("ada");
same<typeof found, User | null>(true);

memory({ maxBytes: 1024 } satisfies MemoryOptions)
  .getInstance?.()
  .get("a");
// @ts-expect-error memory has no such option.
memory({ max: 1 });

const make = defineDriver((options: { prefix: string }) => ({
  name: "mine",
  options,
  hasItem: () => false,
  getItem: (key) => options.prefix + key,
  getKeys: () => [],
}));
plain.mount("mine", make({ prefix: "a" }));
// @ts-expect-error The prefix is required.
make({});

const fsModule: `rustorage/drivers/${string}` = builtinDrivers.fs;
const mongodbModule: `unstorage/drivers/${string}` = builtinDrivers.mongodb;
void fsModule;
void mongodbModule;

try {
  await plain.getItem("..");
} catch (error) {
  if (isStorageError(error)) same<typeof error.code, string>(true);
}
