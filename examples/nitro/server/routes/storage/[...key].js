import { defineHandler } from "nitro";
import { HTTPError, readBody } from "nitro/h3";
import { useStorage } from "nitro/storage";

/** GET reads the item of the path, PUT writes it, DELETE removes it. */
export default defineHandler(async (event) => {
  const key = event.context.params.key;
  const storage = useStorage();
  switch (event.req.method) {
    case "PUT":
      await storage.set(key, await readBody(event));
      return { written: key };
    case "DELETE":
      await storage.remove(key);
      return { removed: key };
    default: {
      const value = await storage.get(key);
      if (value === null) throw new HTTPError({ status: 404, message: `No item ${key}` });
      return { value };
    }
  }
});
