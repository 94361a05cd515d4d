/** All items under a base as one object, and back. */
import { normalizeBaseKey } from "./keys.js";

export async function snapshot(storage, base) {
  const prefix = normalizeBaseKey(base);
  const keys = await storage.getKeys(prefix);
  const items = await Promise.all(
    keys.map(async (key) => [key.slice(prefix.length), await storage.getItem(key)]),
  );
  return Object.fromEntries(items);
}

export async function restoreSnapshot(storage, items, base = "") {
  const prefix = normalizeBaseKey(base);
  await Promise.all(
    Object.entries(items).map(([key, value]) => storage.setItem(prefix + key, value)),
  );
}
