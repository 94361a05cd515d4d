/** Makes each call once, and prints how it ended. */
import { createStorage } from "rustorage";
import { FACTORIES } from "./factories.js";

const { name, path, options } = JSON.parse(process.argv[2]);
const storage = createStorage({ driver: FACTORIES[name]({ path, ...options }) });
const CALLS = {
  setItem: () => storage.setItem("item", "new"),
  getItem: () => storage.getItem("item"),
  getKeys: () => storage.getKeys(),
};
const ended = {};
for (const [operation, call] of Object.entries(CALLS)) {
  try {
    ended[operation] = { returned: await call() };
  } catch ({ code, driver, message }) {
    ended[operation] = { code, driver, message };
  }
}
console.log(JSON.stringify(ended));
