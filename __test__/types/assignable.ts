/** Our Storage and Driver stand wherever unstorage's do, and the other way round; both versions. */
import type * as ours from "rustorage";
import {
  createStorage,
  defineStorage,
  prefixStorage,
  restoreSnapshot,
  snapshot,
  useStorage,
} from "rustorage";
import db0 from "rustorage/drivers/db0";
import fs from "rustorage/drivers/fs";
import lmdb from "rustorage/drivers/lmdb";
import lruCache from "rustorage/drivers/lru-cache";
import memory from "rustorage/drivers/memory";
import nullDriver from "rustorage/drivers/null";
import overlay from "rustorage/drivers/overlay";
import sqlite from "rustorage/drivers/sqlite";
import { createDatabase } from "db0";
import nodeSqlite from "db0/connectors/node-sqlite";
import type * as v2 from "unstorage";
import { createStorage as createV2, prefixStorage as prefixV2 } from "unstorage";
import memoryV2 from "unstorage/drivers/memory";
import overlayV2 from "unstorage/drivers/overlay";
import type * as v1 from "unstorage-v1";
import { createStorage as createV1, prefixStorage as prefixV1 } from "unstorage-v1";
import memoryV1 from "unstorage-v1/drivers/memory";

declare let storage: ours.Storage;
declare let storage1: v1.Storage;
declare let storage2: v2.Storage;
storage = storage1;
storage = storage2;
storage1 = storage;
storage2 = storage;

interface Definition {
  items: { user: { name: string }; count: number };
  [key: string]: unknown;
}
declare let typed: ours.Storage<Definition>;
declare let typed1: v1.Storage<Definition>;
declare let typed2: v2.Storage<Definition>;
typed = typed1;
typed = typed2;
typed1 = typed;
typed2 = typed;

// Made where another library's storage is expected, or one of given items.
interface User {
  name: string;
}
declare function takes(storage: ours.Storage): void;
declare function takes1(storage: v1.Storage<User>): void;
declare function takes2(storage: v2.Storage): void;
declare function takesUsers(storage: ours.Storage<User>): void;
declare function takesAny<S extends ours.Storage>(config: { storage: S }): S;
storage1 = createStorage();
storage2 = useStorage("base");
typed1 = createStorage();
typed2 = prefixStorage(createStorage(), "base");
typed = createStorage();
takes1(createStorage());
takes2(prefixV2(createStorage(), "base"));
export const texts: ours.Storage<string> = createStorage();
export const texts2: v2.Storage<string> = createStorage();
export const users1: v1.Storage<User | null> = prefixV1(createStorage(), "base");
export const users2 = async (): Promise<v2.Storage<User>> => createStorage();

// And theirs where ours is.
storage = createV1();
storage = createV2();
typed = createV1();
typed = createV2();
takes(createV1());
takes(prefixV2(createV2(), "base"));
takesUsers(createV1());
takesUsers(prefixStorage(createV2(), "base"));
takesAny({ storage: createV2() });
export const theirs: { storage: ours.Storage<null> } = { storage: createV1() };
export const list: ours.Storage[] = [createStorage(), createV1(), createV2()];
export const later = async (): Promise<ours.Storage<User>> => createV2();

declare let driver: ours.Driver;
declare let driver1: v1.Driver;
declare let driver2: v2.Driver;
driver = driver1;
driver = driver2;
driver1 = driver;
driver2 = driver;

declare let flags: ours.DriverFlags & v1.DriverFlags & v2.DriverFlags;
declare let meta: ours.StorageMeta;
declare let meta2: v2.StorageMeta;
meta = meta2;
meta2 = meta;
declare let watching: ours.WatchCallback;
declare let watching2: v2.WatchCallback;
watching = watching2;
watching2 = watching;
void flags;

// Each library takes the other's drivers, storages and views.
createStorage({ driver: memoryV1() }).mount("v2", memoryV2());
createV1({ driver: memory() }).mount("fs", fs({ base: "." }));
createV2({ driver: overlayV2({ layers: [memory(), lruCache({ max: 1 }), nullDriver()] }) });
createStorage({ driver: overlay({ layers: [memoryV1(), memoryV2(), memory()] }) });
createStorage().mount("storage", createV2()).mount("view", prefixStorage(createV1(), "a"));
prefixV1(createStorage(), "a");
prefixV2(createStorage(), "a");
void snapshot(storage2, "");
void restoreSnapshot(storage1, { a: 1 });

// A database of db0's, and what else a file may hold.
const database = createDatabase(nodeSqlite({ name: ":memory:" }));
createStorage({ driver: db0({ database, tableName: "items", native: false }) });
createV2({ driver: db0({ database }) });
createV2({ driver: lmdb({ path: "items", sync: "no-meta" }) });
defineStorage({ data: "lmdb", storage: { kv: { driver: sqlite, path: "items" } } });
// @ts-expect-error There is no such level.
sqlite({ path: "items", sync: "no-meta" });
