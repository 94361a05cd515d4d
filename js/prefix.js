/** A view of a storage under a base. It calls the storage's methods late, so that a spy or a wrapper there is seen. */
import { itemsOf } from "./batch.js";
import { invalidBase, invalidKey } from "./errors.js";
import { normalizeBaseKey, normalizeKey } from "./keys.js";

const ITEM_METHODS = [
  "has",
  "hasItem",
  "get",
  "getItem",
  "getItemRaw",
  "set",
  "setItem",
  "setItemRaw",
  "del",
  "remove",
  "removeItem",
  "getMeta",
  "setMeta",
  "removeMeta",
];

/** Whether anything is left of the key when it is normalised. A first character that no rule is about is enough. */
function isKey(key) {
  if (!key || typeof key !== "string") return false;
  switch (key[0]) {
    case ":":
    case "/":
    case "\\":
    case "?":
      return normalizeKey(key) !== "";
    default:
      return true;
  }
}

export function prefixStorage(storage, base) {
  if (base?.includes("?")) throw invalidBase(base, "prefixStorage");
  const prefix = normalizeBaseKey(base);
  if (!prefix) return storage;

  const itemKey = (key) => {
    if (!isKey(key)) throw invalidKey(key, "prefixStorage");
    return prefix + key;
  };
  const strip = (key) => key.slice(prefix.length);

  const view = { ...storage };
  for (const method of ITEM_METHODS) {
    view[method] = (key = "", ...rest) => {
      try {
        const result = storage[method](itemKey(key), ...rest);
        return result instanceof Promise ? result : Promise.resolve(result);
      } catch (error) {
        return Promise.reject(error);
      }
    };
  }
  for (const method of ["clear", "mount", "unmount"]) {
    view[method] = (key = "", ...rest) => storage[method](prefix + key, ...rest);
  }
  view.getKeys = async (key = "", ...rest) =>
    (await storage.getKeys(prefix + key, ...rest)).map(strip);
  view.keys = view.getKeys;
  view.getItems = async (items, options) => {
    const prefixed = itemsOf(items, "getItems").map((item) =>
      typeof item === "string" ? itemKey(item) : { ...item, key: itemKey(item?.key) },
    );
    const results = await storage.getItems(prefixed, options);
    return results.map(({ key, value }) => ({ key: strip(key), value }));
  };
  view.setItems = async (items, options) =>
    storage.setItems(
      itemsOf(items, "setItems").map((item) => ({ ...item, key: itemKey(item?.key) })),
      options,
    );
  view.watch = (callback) =>
    storage.watch((event, key) =>
      key.startsWith(prefix) ? callback(event, strip(key)) : undefined,
    );
  view.dispose = async () => {
    const inside = storage.getMounts(prefix).filter((mount) => mount.base.startsWith(prefix));
    await Promise.all(inside.map(async ({ driver }) => driver.dispose?.()));
  };
  return view;
}
