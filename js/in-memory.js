/** What memory and lru-cache have in common. */

/** Their methods beside the usual. */
export function inMemoryMethods(owner) {
  return {
    dispose: () => (owner.table < 0 ? undefined : owner.items.clear()),
    getInstance: () => (owner.instance ??= new ItemMap(owner.items)),
  };
}

/** A live, Map-like view of the items, without a copy of them. */
class ItemMap {
  #driver;

  constructor(driver) {
    this.#driver = driver;
  }

  get size() {
    return this.#driver.getKeys().length;
  }

  has(key) {
    return this.#driver.hasItem(key);
  }

  get(key) {
    return this.#driver.hasItem(key) ? (this.#driver.getItemRaw(key) ?? undefined) : undefined;
  }

  set(key, value) {
    this.#driver.setItemRaw(key, value);
    return this;
  }

  delete(key) {
    const had = this.#driver.hasItem(key);
    this.#driver.removeItem(key);
    return had;
  }

  clear() {
    this.#driver.clear();
  }

  *keys() {
    // What is removed meanwhile is left out, as by a Map.
    for (const key of this.#driver.getKeys()) if (this.has(key)) yield key;
  }

  *values() {
    for (const key of this.keys()) yield this.get(key);
  }

  *entries() {
    for (const key of this.keys()) yield [key, this.get(key)];
  }

  forEach(callback, receiver) {
    for (const [key, value] of this.entries()) callback.call(receiver, value, key, this);
  }

  [Symbol.iterator]() {
    return this.entries();
  }

  get [Symbol.toStringTag]() {
    return "Map";
  }
}
