import { definePlugin } from "nitro";
import { useStorage } from "nitro/storage";
import lruCache from "unstorage/drivers/lru-cache";

/** Mounts a driver whose options are known only at run time. */
export default definePlugin(() => {
  const max = Number(process.env.RECENT_MAX ?? 2);
  useStorage().mount("recent", lruCache({ max }));
});
