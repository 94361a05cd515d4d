/** The storage, with an item under each key that holds the key. */
export async function filled(storage, ...keys) {
  for (const key of keys) await storage.setItem(key, key);
  return storage;
}
