import { createStorage } from "rustorage";
import localstorage from "rustorage/drivers/localstorage";
import { route } from "../target.js";

/** What a driver of unstorage's wrote that is imported by our name. */
export default route(async () => {
  const written = {};
  const localStorage = { setItem: (key, value) => (written[key] = value) };
  const storage = createStorage({ driver: localstorage({ localStorage, base: "app" }) });
  await storage.setItem("a", [1]);
  return written;
});
