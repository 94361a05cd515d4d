/** The `watch` of a driver that tells of changes by itself, and the `dispose` that ends it. */

/**
 * One watcher, however many callbacks there are. `begin(tell)` starts it and gives a promise of what stops it; callbacks hear of
 * keys as `toName` gives them; `close` is what else `dispose` does.
 */
export function watchMethods(begin, toName, close) {
  let listeners = new Set();
  /** The promise of what stops the watcher. */
  let running;

  const start = () => {
    const told = listeners;
    return begin((event, key) => {
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
    async dispose() {
      await stop();
      await close?.();
    },
  };
}
