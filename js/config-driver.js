/** Drivers in JavaScript whose options stand in a config, which they know nothing of. */
import { lateDriver } from "./late-driver.js";
import { runtimeOptions } from "./runtime-options.js";

/**
 * A driver that is made with the first call, from what the environment makes of its options then. `load` gives its factory.
 * `hidesOptions`: the driver shows what the config has. It would show what it was given, secrets of the environment too, and
 * does not read that there.
 */
export function configDriver(name, config, load, hidesOptions = false) {
  // What options it has is not known here.
  const { options, read } = runtimeOptions(name, config, null);
  return lateDriver(name, options, () => {
    const driver = load()(read());
    if (hidesOptions) driver.options = options;
    return driver;
  });
}
