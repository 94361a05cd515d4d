/** What a storage has mounted, and how a driver is made whose options are read when its mount is first used. */
import { invalidBase, storageError } from "./errors.js";
import { failedDriver, makerOf } from "./late-driver.js";
import { isNative, nativeOwner } from "./native-driver.js";
import {
  INVALID,
  MISS,
  MOUNT,
  MOUNTED,
  NORMAL,
  OFFSET,
  SCRIPT,
  native,
  registers,
} from "./native.js";

/** `changed` hears that mounts or their drivers are others now, `made` of a mount whose driver was made. */
export function createMounts(table, { changed, made }) {
  /**
   * By the number that the addon gives a mount: `{ id, base, driver, owner, make }`, with the owner of a native driver, or with
   * what makes the driver when the mount is first used.
   */
  const mounts = new Map();

  const add = (base, driver) => {
    checkDriver(driver, base);
    const make = makerOf(driver);
    const owner = make ? undefined : nativeOwner(driver);
    const id = native.mount(table, base || "", owner === undefined ? -1 : owner.handle);
    if (id === INVALID) throw invalidBase(base, "mount");
    const prefix = basePrefix(base);
    if (id === MOUNTED) {
      const error = new Error(`already mounted at ${prefix}`);
      throw Object.assign(error, { code: "ALREADY_MOUNTED", operation: "mount", key: base });
    }
    if (prefix === "") {
      for (const [known, mount] of mounts) if (mount.base === "") mounts.delete(known);
    }
    const mount = { id, base: prefix, driver, owner, make };
    mounts.set(id, mount);
    changed();
    return mount;
  };

  const remove = (base) => {
    const id = native.unmount(table, base);
    if (id !== MISS) mounts.delete(id);
    changed();
  };

  /** The mount, with its driver made. */
  const ready = (mount) => {
    if (mount.make === undefined) return mount;
    const driver = mount.make(mount.base.slice(0, -1) || undefined);
    checkDriver(driver, mount.base);
    const owner = nativeOwner(driver);
    // What was mounted stays, as its options keep the mount's name in variables.
    Object.assign(mount, { driver, owner, make: undefined, mounted: mount.driver });
    if (owner) native.retarget(table, mount.id, owner.handle);
    changed();
    made(mount);
    return mount;
  };

  /** As `ready`; where the driver cannot be made, every call of it fails, and the next one tries again. */
  const readyOrFailed = (mount) => {
    try {
      return ready(mount);
    } catch (error) {
      return { ...mount, driver: failedDriver(mount.driver, error) };
    }
  };

  /**
   * The mount of a key or a base, for those who ask for its driver: they may call what only that one has. A native driver has all of
   * it before it is made; where another cannot be made, what was mounted tells why with each call.
   */
  const shown = (key) => {
    const mount = mounts.get(native.mountOf(table, key));
    if (isNative(mount.driver)) return mount;
    try {
      return ready(mount);
    } catch {
      return mount;
    }
  };

  /** The mount that the addon just routed to. */
  const routed = () => mounts.get(registers[MOUNT]);

  /**
   * The JavaScript driver that the addon just routed to, and the key as that driver knows it. `again` says that the driver was made
   * now and is native: the call has to be made once more.
   */
  const scripted = (key) => {
    const mount = routed();
    const relative = (registers[NORMAL] !== 0 ? key : native.normalize(key)).slice(
      registers[OFFSET],
    );
    if (mount.make === undefined) return { mount, key: relative, again: false };
    const usable = readyOrFailed(mount);
    return { mount: usable, key: relative, again: usable.owner !== undefined };
  };

  /** As `native.check`, with the driver made that the key goes to. */
  const checked = (key) => {
    const route = native.check(table, key);
    if (route !== SCRIPT || routed().make === undefined) return route;
    ready(routed());
    return native.check(table, key);
  };

  /** Copies of the mounts at, under and above the base, longest first, for an operation to ask. */
  const planned = (base, operation) => {
    const plan = native.plan(table, base || "", true, false);
    if (plan === INVALID) throw invalidBase(base, operation);
    return Array.from(plan, (id) => ({ ...ready(mounts.get(id)) }));
  };

  /** The mounts whose base begins with this one, longest first, with `parents` those above it too. */
  const listed = (base, parents) =>
    Array.from(native.plan(table, base, parents, true), (id) => mounts.get(id));

  return {
    add,
    remove,
    ready,
    readyOrFailed,
    routed,
    scripted,
    checked,
    planned,
    listed,
    shown,
    all: () => mounts.values(),
    /** The mount that stands at this prefix. */
    at: (prefix) => [...mounts.values()].find((mount) => mount.base === prefix),
  };
}

/** What the keys under a base begin with. */
export function basePrefix(base) {
  const key = native.normalize(base || "");
  return key && key + ":";
}

/** Tells the usual mistakes apart. */
function checkDriver(driver, base) {
  const refuse = (cause) => {
    throw storageError("INVALID_OPTIONS", "none", "mount", base, cause);
  };
  if (typeof driver === "function") {
    refuse(`a function is no driver: call it, as in ${driver.name || "driver"}()`);
  }
  if (driver === null || typeof driver !== "object") {
    refuse(`a driver is an object, not ${driver === null ? "null" : typeof driver}`);
  }
  if (typeof driver.then === "function") refuse("a promise is no driver: await it");
  if (driver.driver !== undefined && driver.getItem === undefined) {
    refuse(
      "`driver` with options is for a config, as defineStorage takes it: call a driver's factory, as in fs({ … })",
    );
  }
  if (typeof driver.default === "function" && driver.getItem === undefined) {
    refuse("a module is no driver: call its default export");
  }
}
