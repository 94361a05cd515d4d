import { defineHandler } from "nitro";

export { definePlugin } from "nitro";
export { defineCachedFunction, defineCachedHandler } from "nitro/cache";
export { useStorage } from "nitro/storage";

export function route(answer) {
  return defineHandler(async ({ req }) =>
    answer(req.method === "POST" ? await req.json() : undefined),
  );
}
