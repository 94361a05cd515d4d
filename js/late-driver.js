/** Drivers that are made with the first call, as their options are read from the environment then. */

/**
 * What makes each driver that was not made yet. It is told where the driver is mounted, and gives the driver to use from then on, or
 * throws.
 */
const makers = new WeakMap();

/** Says that a storage has to call `make` before it uses `driver`. */
export function defer(driver, make) {
  makers.set(driver, make);
}

/** What makes the driver; undefined where there is nothing left to do. */
export function makerOf(driver) {
  return makers.get(driver);
}

const METHODS = [
  "hasItem",
  "getItem",
  "setItem",
  "removeItem",
  "getKeys",
  "getMeta",
  "clear",
  "getInstance",
];

/**
 * What stands for the JavaScript driver that `make` will give. A storage takes that one in its place; this object's methods serve
 * those who call them by themselves.
 */
export function lateDriver(name, options, make) {
  let made;
  const driver = () => (made ??= make());
  const late = { name, options };
  for (const method of METHODS) late[method] = (...args) => driver()[method]?.(...args);
  late.dispose = () => made?.dispose?.();
  defer(late, driver);
  return late;
}

const OPERATIONS = [...METHODS, "getItemRaw", "setItemRaw", "setItems", "getItems", "watch"];

/** What answers in place of a driver that could not be made: each call fails with the error. */
export function failedDriver({ name, options }, error) {
  const fail = () => {
    throw error;
  };
  return { name, options, ...Object.fromEntries(OPERATIONS.map((method) => [method, fail])) };
}
