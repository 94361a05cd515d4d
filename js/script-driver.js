/** Calls of drivers in JavaScript. */
import { storageError } from "./errors.js";
import { joinKeys } from "./keys.js";
import { convertItem } from "./serialize.js";

/** Calls a JavaScript driver's method: what it throws rejects, what it returns resolves. */
export function call(mount, operation, ...args) {
  const { driver } = mount;
  if (typeof driver[operation] !== "function") {
    const key = typeof args[0] === "string" ? mount.base + args[0] : undefined;
    return Promise.reject(
      storageError("UNSUPPORTED", nameOf(driver), operation, key, `the driver has no ${operation}`),
    );
  }
  try {
    const result = driver[operation](...args);
    return typeof result?.then === "function" ? asPromise(result) : Promise.resolve(result);
  } catch (error) {
    return Promise.reject(error);
  }
}

function asPromise(thenable) {
  return thenable instanceof Promise ? thenable : Promise.resolve(thenable);
}

/** Reads through a JavaScript driver's own getItems, which may leave keys out or add some. */
export async function readBatch(mount, batch, commonOptions, found, extra) {
  const asked = batch.map(({ relative, options }) => ({ key: relative, options }));
  const answers = await call(mount, "getItems", asked, commonOptions);
  if (!Array.isArray(answers)) {
    const cause = "the driver's getItems gave no array";
    throw storageError("INVALID_VALUE", nameOf(mount.driver), "getItems", undefined, cause);
  }
  const open = new Map();
  for (const entry of batch) {
    if (!open.has(entry.key)) open.set(entry.key, []);
    open.get(entry.key).push(entry);
  }
  for (const answer of answers) {
    const key = joinKeys(mount.base, answer.key);
    const entry = open.get(key)?.shift();
    const value = await convertItem(answer.value, (entry?.options ?? commonOptions)?.type);
    if (entry) found.set(entry, value);
    else extra.push({ key, value });
  }
}

/** Whether a write gets anywhere: a JavaScript driver may have no way to write. */
export function isWritable(script, { driver }) {
  return !script || driver.setItems !== undefined || driver.setItem !== undefined;
}

export function nameOf({ name }) {
  return name ?? "unnamed";
}
