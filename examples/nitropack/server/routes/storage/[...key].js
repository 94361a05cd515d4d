/** GET reads the item of the path, PUT writes it, DELETE removes it. `data` is a mount on disk that Nitro has by itself. */
export default defineEventHandler(async (event) => {
  const key = getRouterParam(event, "key");
  const storage = useStorage("data");
  switch (event.method) {
    case "PUT":
      await storage.set(key, await readBody(event));
      return { written: key };
    case "DELETE":
      await storage.remove(key);
      return { removed: key };
    default: {
      const value = await storage.get(key);
      if (value === null) throw createError({ status: 404, message: `No item ${key}` });
      return { value };
    }
  }
});
