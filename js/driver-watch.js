/** The `watch` of drivers that tell of changes by themselves, and the `dispose` that ends it. */
import { tableOf } from "./native-driver.js";
import { startWatch } from "./native.js";

/** One watcher, however many callbacks there are, which hear of keys as `toName` gives them. */
export function watchMethods(owner, toName = (key) => key) {
  let listeners = new Set();
  /** The promise of what stops the watcher. */
  let running;

  const start = () => {
    const told = listeners;
    tableOf(owner);
    return startWatch(owner, (event, key) => {
      for (const { callback } of told) {
        try {
          callback(event, toName(key));
        } catch (error) {
          // It is nobody's call that fails, and the other callbacks have to hear of the change.
          queueMicrotask(() => {
            throw error;
          });
        }
      }
    });
  };

  const stop = async () => {
    const stopping = running;
    running = undefined;
    listeners = new Set();
    const end = await stopping?.catch(() => undefined);
    await end?.();
  };

  return {
    async watch(callback) {
      const listener = { callback };
      const joined = listeners.add(listener);
      running ??= start();
      try {
        await running;
      } catch (error) {
        if (joined === listeners) await stop();
        throw error;
      }
      return async () => {
        if (joined.delete(listener) && joined.size === 0 && joined === listeners) await stop();
      };
    },
    dispose: stop,
  };
}
