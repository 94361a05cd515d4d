/** A driver's items, with nothing hidden: keys that end in `$` as well. */
import { isUtf8 } from "node:buffer";
import { storageError } from "../errors.js";
import { createStorage } from "../storage.js";
import { normalizeKey } from "../keys.js";
import { viewBytes } from "../serialize.js";
import { each } from "./each.js";

/** Drivers of tables with a column for texts and one for raw values. */
const TABLES = new Set(["db0", "sqlite"]);

export class Items {
  constructor(driver) {
    this.driver = driver;
    this.storage = createStorage({ driver });
  }

  /** All keys under the base. */
  async keys(base = "") {
    const prefix = base === "" ? "" : `${normalizeKey(base)}:`;
    // The first call makes the driver of a config.
    await this.storage.getKeys(base);
    const keys = await this.storage.getMount("").driver.getKeys(prefix, {});
    return keys.map((key) => normalizeKey(key)).filter((key) => key.startsWith(prefix));
  }

  /** The item's bytes; null where there is none. */
  async read(key) {
    const bytes = toBytes(await this.storage.getItemRaw(key));
    if (bytes !== null || !TABLES.has(this.driver.name)) return bytes;
    // unstorage's own db0 reads nothing raw of a text.
    return toBytes(await this.text(key));
  }

  /** Whether beside these bytes, which `read` gave, there is a text of another content: unstorage can leave both in a table. */
  async hasTextBeside(key, bytes) {
    if (!TABLES.has(this.driver.name)) return false;
    const text = await this.text(key);
    if (typeof text !== "string" || text === bytes.toString()) return false;
    // Unless it was written in between.
    return (await this.read(key))?.equals(bytes) === true;
  }

  /** The text as the driver gives it. */
  text(key) {
    return this.storage.getMount("").driver.getItem(normalizeKey(key), {});
  }

  /**
   * `life`, the seconds that the item has to live, 0 where it is about to end and undefined for no end; and its `size` in bytes, undefined
   * where the driver does not tell it.
   */
  async facts(key) {
    const meta = await this.storage.getMeta(key, { nativeOnly: true });
    const [life, size] = [meta?.ttl, meta?.size].map((fact) =>
      typeof fact === "number" ? fact : undefined,
    );
    return { life, size };
  }

  /** Whether the item has an end if the other has one, as far as the driver knows of ends. */
  async endsLike(key, end) {
    const knows = this.driver.flags?.ttl !== false;
    return !knows || ((await this.facts(key)).life === undefined) === (end === undefined);
  }

  /** Text is written as text: some drivers keep the two apart. */
  async write(key, bytes, ttl) {
    const options = ttl === undefined ? {} : { ttl };
    const { driver } = this.storage.getMount("");
    if (!driver.setItem) {
      throw storageError("UNSUPPORTED", driver.name, "setItem", key, "the driver only reads");
    }
    if (isUtf8(bytes)) await this.storage.setItem(key, bytes.toString(), options);
    else await this.storage.setItemRaw(key, bytes, options);
  }

  /** Gives how many of them there were. */
  async remove(keys) {
    let removed = 0;
    await each([...new Set(keys.map((key) => normalizeKey(key)))], async (key) => {
      if (await this.storage.hasItem(key)) removed++;
      await this.storage.removeItem(key);
    });
    return removed;
  }

  /** Removes all under the base. Gives how many are gone, and how many are not: a driver may not let itself be cleared. */
  async clear(base) {
    const before = await this.keys(base);
    await this.storage.clear(base);
    const there = new Set(await this.keys(base));
    const left = before.filter((key) => there.has(key)).length;
    return { removed: before.length - left, left };
  }

  async dispose() {
    await this.storage.dispose();
  }
}

function toBytes(value) {
  if (value === null || value === undefined) return null;
  if (ArrayBuffer.isView(value)) return Buffer.from(viewBytes(value));
  if (value instanceof ArrayBuffer) return Buffer.from(value);
  return Buffer.from(typeof value === "string" ? value : JSON.stringify(value));
}
