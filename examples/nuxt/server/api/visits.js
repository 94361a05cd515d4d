/** Counts the visits of each page, on disk. */
export default defineEventHandler(async (event) => {
  const { page = "/" } = getQuery(event);
  const storage = useStorage("visits");
  const count = ((await storage.get(`page:${page}`)) ?? 0) + 1;
  await storage.set(`page:${page}`, count);
  return { page, count };
});
