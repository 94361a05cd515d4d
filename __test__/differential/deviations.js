/**
 * Where ours differs from unstorage on purpose: the rows of the last table in docs/compatibility.md that these sequences
 * can reach.
 *
 * `applies(operation, world)` looks at the operation and unstorage's mounts before the call. `around(operation, world, run)`
 * then makes unstorage's side what the row says: it runs the operation there and mends its outcome, its events and what
 * its drivers hold. `keepingTtl` mends one of its drivers. Nothing is left out of the comparison.
 */
import {
  createStorage,
  filterKeyByDepth,
  hasDotSegment,
  normalizeBaseKey,
  normalizeKey,
} from "unstorage";
import { VIEW } from "./world.js";

export const deviations = [
  {
    name: "getItems answers in input order",
    applies: ({ method, target, args }, { storage }) => {
      if (method !== "getItems") return false;
      const mounts = args[0].map((item) => storage.getMount(parentOf(fullKey(target, item))).base);
      return mounts.some(
        (mount, index) => mounts.indexOf(mount) < index && mounts[index - 1] !== mount,
      );
    },
    async around({ target, args }, { storage }, run) {
      const outcome = await run();
      if (outcome.ended !== "resolved") return outcome;
      const open = [...outcome.value];
      const value = args[0].flatMap((item) => {
        const full = fullKey(target, item);
        if (leavesOut(storage, full, item.options?.type ?? args[1]?.type)) return [];
        const key = full.slice(baseOf(target).length);
        const found = open.findIndex((entry) => entry.key === key);
        return found < 0 ? [] : open.splice(found, 1);
      });
      return { ...outcome, value };
    },
  },
  {
    name: "setItems emits events",
    applies: ({ method, args }, world) =>
      method === "setItems" && args[0].length > 0 && world.watched,
    async around({ target, args }, world, run) {
      const outcome = await run();
      if (/Invalid key/.test(outcome.value?.message)) return outcome;
      const batches = new Map();
      for (const item of args[0]) {
        const key = fullKey(target, item);
        const { driver } = world.storage.getMount(parentOf(key));
        batches.set(driver, [...(batches.get(driver) ?? []), { key, value: item.value }]);
      }
      for (const [driver, batch] of batches) {
        if (!driver.setItem) continue;
        const failing = (await Promise.all(batch.map(isStorable))).indexOf(false);
        // Where a value cannot be stored, those before it are; a driver with setItems is not called at all.
        const written = failing < 0 ? batch : batch.slice(0, driver.setItems ? 0 : failing);
        for (const { key } of written) world.emit("update", key);
      }
      return outcome;
    },
  },
  {
    name: "clear(base) clears what is under the base",
    applies: ({ method, target, args }, { storage }) =>
      method === "clear" && partial(storage, fullBase(target, args[0])).length > 0,
    async around({ target, args }, { storage }, run) {
      const outcome = await run();
      if (outcome.ended !== "resolved") return outcome;
      for (const mount of partial(storage, fullBase(target, args[0]))) {
        for (const key of await keysUnder(storage, mount, fullBase(target, args[0]))) {
          await mount.driver.removeItem?.(key.slice(mount.base.length), {});
        }
      }
      return outcome;
    },
  },
  {
    name: "clear emits events",
    applies: ({ method }, world) => method === "clear" && world.watched,
    async around({ target, args }, world, run) {
      const base = fullBase(target, args[0]);
      const { storage } = world;
      const gone = [];
      for (const mount of [...whole(storage, base), ...partial(storage, base)]) {
        if (mount.driver.removeItem) gone.push(...(await keysUnder(storage, mount, base)));
      }
      const outcome = await run();
      if (outcome.ended === "resolved") for (const key of gone) world.emit("remove", key);
      return outcome;
    },
  },
  {
    name: "maxDepth counts in the full key",
    applies: ({ method, target, args }, { storage }) => {
      if (!["getKeys", "keys"].includes(method) || args[1]?.maxDepth === undefined) return false;
      const base = fullBase(target, args[0]);
      return [...whole(storage, base), ...partial(storage, base)].every(
        ({ driver }) => driver.flags?.maxDepth,
      );
    },
    async around({ target, args }, _, run) {
      const outcome = await run();
      if (outcome.ended !== "resolved") return outcome;
      const { maxDepth } = args[1];
      const inside = (key) => filterKeyByDepth(baseOf(target) + key, maxDepth);
      return { ...outcome, value: outcome.value.filter(inside) };
    },
  },
  {
    name: "setMeta and removeMeta work detached",
    applies: ({ method, target, detached }) =>
      ["setMeta", "removeMeta"].includes(method) && target === "storage" && detached,
    around: (operation, world) => world.run({ ...operation, detached: false }),
  },
  {
    name: "a view's dispose touches only mounts at or under its base",
    applies: ({ method, target }) => method === "dispose" && target === "view",
    async around(_, { storage }) {
      for (const { driver } of whole(storage, VIEW)) await driver.dispose?.();
      return { ended: "resolved", value: undefined };
    },
  },
  {
    name: "setItems writes nothing where an item cannot be stored",
    applies: async (operation, world) => (await refused(operation, world)) !== undefined,
    async around(operation, world) {
      return { ended: "rejected", value: await refused(operation, world) };
    },
  },
];

let expired = 0;

/** How often "ttl holds in lru-cache" applied. */
export const ttlHits = () => expired;

/** unstorage's lru-cache as it would be if it kept an item's ttl. */
export function keepingTtl(driver) {
  const timers = new Map();
  const forget = (key) => {
    clearTimeout(timers.get(key));
    timers.delete(key);
  };
  const keep = (write) => (key, value, options) => {
    forget(key);
    write(key, value, options);
    const ttl = options?.ttl;
    if (!ttl || !Number.isFinite(ttl)) return;
    const expire = () => {
      if (driver.hasItem(key)) expired++;
      driver.removeItem(key);
    };
    timers.set(key, setTimeout(expire, ttl * 1000));
  };
  return { ...driver, setItem: keep(driver.setItem), setItemRaw: keep(driver.setItemRaw) };
}

/** Whether the driver of a key answers a batch without it. Raw types are read one by one. */
function leavesOut(storage, key, type) {
  const { driver } = storage.getMount(parentOf(key));
  return type !== "bytes" && driver.getItems?.([{ key }]).length === 0;
}

/** Why a setItems with valid keys cannot store all its items. */
async function refused({ method, target, args }, { storage }) {
  if (method !== "setItems") return undefined;
  const items = args[0].map((item) => ({ ...item, full: fullKey(target, item) }));
  const invalid = ({ key, full }) => !normalizeKey(key) || hasDotSegment(full);
  if (items.some(invalid)) return undefined;
  for (const { full, value } of items) {
    const { driver } = storage.getMount(parentOf(full));
    if (!driver.setItem && !driver.setItems) continue;
    const error = await createStorage()
      .setItem("any", value)
      .then(() => undefined, String);
    if (error) return new Error(error.replace(/^Error: /, ""));
  }
  return undefined;
}

function baseOf(target) {
  return target === "view" ? VIEW : "";
}

/** The full, normalised key of an item or a key that was passed to the storage or the view. */
function fullKey(target, item) {
  return normalizeKey(baseOf(target) + (typeof item === "string" ? item : item.key));
}

function fullBase(target, base) {
  return normalizeBaseKey(baseOf(target) + (base ?? ""));
}

/** What `getMount` has to be asked for the mount of an item: it takes its argument for a base. */
function parentOf(key) {
  return key.slice(0, Math.max(key.lastIndexOf(":"), 0));
}

/** The mounts that lie at or under a base: they are cleared as they are. */
function whole(storage, base) {
  return storage.getMounts().filter((mount) => mount.base.startsWith(base));
}

/** The mounts that hold a base among other things. */
function partial(storage, base) {
  return storage.getMounts().filter((mount) => base !== mount.base && base.startsWith(mount.base));
}

/** The full keys that a mount holds under a base: for a part of it only those that no longer mount point hides. */
async function keysUnder(storage, { base: mountBase, driver }, base) {
  const keys = [...(await driver.getKeys(undefined, {}))].map(
    (key) => mountBase + normalizeKey(key),
  );
  if (mountBase.startsWith(base)) return keys;
  const hiding = storage.getMounts().filter((mount) => mount.base.length > mountBase.length);
  return keys.filter(
    (key) => key.startsWith(base) && !hiding.some((mount) => key.startsWith(mount.base)),
  );
}

/** Whether unstorage has a text for a value. */
function isStorable({ value }) {
  return createStorage()
    .setItem("any", value)
    .then(
      () => true,
      () => false,
    );
}
