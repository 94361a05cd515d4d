import { defineHandler } from "nitro";
import { useStorage } from "nitro/storage";

export default defineHandler(async () => {
  const storage = useStorage("recent");
  for (const key of ["1", "2", "3"]) await storage.setItem(key, { key });
  return { keys: await storage.getKeys(), mounts: useStorage().getMounts().length };
});
