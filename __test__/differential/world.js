/** One side of the comparison: a storage with its mounts, a view of it, and what its watchers heard. */
import { DRIVERS } from "./drivers.js";

export const VIEW = "a:";

export class World {
  events = [];
  #watchers = [];
  /** Drivers in the order they were made; their numbers stand for them in outcomes. */
  #drivers = [];

  /** `parts`: the functions under comparison, those of unstorage or ours. */
  constructor(parts, { root, mounts }) {
    this.parts = parts;
    this.storage = parts.createStorage({ driver: this.#make(root) });
    for (const { base, kind } of mounts) {
      // A base may come twice; that is compared by the operation `mount`.
      if (!this.storage.getMounts().some((mount) => mount.base === `${base}:`)) {
        this.storage.mount(base, this.#make(kind));
      }
    }
    this.view = parts.prefixStorage(this.storage, VIEW);
  }

  /** Does an operation and tells how it ended: `{ ended: "returned" | "threw" | "resolved" | "rejected", value }`. */
  async run(operation) {
    let result;
    try {
      result = this.#start(operation);
    } catch (error) {
      return { ended: "threw", value: error };
    }
    if (!(result instanceof Promise)) return { ended: "returned", value: this.#known(result) };
    try {
      return { ended: "resolved", value: await this.#known(await result) };
    } catch (error) {
      return { ended: "rejected", value: error };
    }
  }

  /** The events since the last call. Those of one operation have no order. */
  takeEvents() {
    return this.events.splice(0).sort();
  }

  /** Everything that every driver holds. */
  async contents() {
    const mounts = this.storage.getMounts().sort((one, other) => (one.base < other.base ? -1 : 1));
    return Promise.all(
      mounts.map(async ({ base, driver }) => {
        const keys = [...(await driver.getKeys("", {}))].sort();
        const items = await Promise.all(
          keys.map(async (key) => [
            key,
            await driver.hasItem(key, {}),
            await driver.getItem(key, {}),
          ]),
        );
        return { base, items };
      }),
    );
  }

  /** Tells every watcher of a change, as the storage itself would. */
  emit(event, key) {
    for (const { tell } of this.#watchers) tell(event, key);
  }

  get watched() {
    return this.#watchers.length > 0;
  }

  #start({ target, method, args, detached }) {
    const subject = this[target];
    switch (method) {
      case "mount":
        return subject.mount(args[0], this.#make(args[1]));
      case "pass":
        return this.parts.pass(args[0]);
      case "watch":
        return this.#watch(target, subject);
      case "stopWatching":
        return this.#watchers.shift()?.stop();
      case "unwatch":
        this.#watchers.length = 0;
        return subject.unwatch();
      case "snapshot":
        return this.parts.snapshot(subject, ...args);
      case "restoreSnapshot":
        return this.parts.restoreSnapshot(subject, ...args);
      default: {
        if (!detached) return subject[method](...args);
        const call = subject[method];
        return call(...args);
      }
    }
  }

  async #watch(target, subject) {
    const note = (event, key) => this.events.push(`${target} ${event} ${JSON.stringify(key)}`);
    const tell = (event, key) => {
      if (target === "storage") note(event, key);
      else if (key.startsWith(VIEW)) note(event, key.slice(VIEW.length));
    };
    this.#watchers.push({ tell, stop: await subject.watch(note) });
  }

  #make(kind) {
    const driver = DRIVERS[kind](this.parts);
    this.#drivers.push(driver);
    return driver;
  }

  /** What can be compared with the other side's: names for storages and drivers, bytes for blobs and streams. */
  #known(value) {
    if (value === this.storage) return "the storage";
    if (Array.isArray(value) && value.every((entry) => this.#isMount(entry))) {
      return value.map((entry) => this.#knownMount(entry));
    }
    if (this.#isMount(value)) return this.#knownMount(value);
    if (value instanceof Blob) return bytesOf("blob", value);
    if (value instanceof ReadableStream) return bytesOf("stream", new Response(value));
    return value;
  }

  #isMount(value) {
    return this.#drivers.includes(value?.driver);
  }

  #knownMount({ base, driver }) {
    return { base, driver: this.#drivers.indexOf(driver) };
  }
}

async function bytesOf(type, body) {
  return { type, bytes: Buffer.from(await body.arrayBuffer()).toString("base64") };
}
