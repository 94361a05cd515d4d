import { useStorage as ownStorage } from "rustorage";
import memory from "rustorage/drivers/memory";
import lruCache from "unstorage/drivers/lru-cache";
import { definePlugin, useStorage } from "../target.js";

// When the module is loaded, and not only when a plugin runs.
const data = ownStorage("data");

// What unstorage's driver of the mount `remote` asks, as Vercel has it: here it answers with what it is asked for.
const cache = { get: async (key) => ({ asked: key }) };
globalThis[Symbol.for("@vercel/request-context")] = { get: () => ({ cache }) };

export default definePlugin(async () => {
  const max = Number(process.env.LATEST_MAX ?? 2);
  // Nitro 3.0.0 keeps its storage where Vite reloads the rest.
  if (useStorage().getMount("latest").base === "") {
    useStorage().mount("latest", lruCache({ max }));
    ownStorage().mount("notes", memory());
  }
  await data.setItem("started", true);
  if (process.env.WATCH) await useStorage().watch(() => {});
});
