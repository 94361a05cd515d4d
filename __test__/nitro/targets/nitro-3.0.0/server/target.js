import { defineEventHandler, readBody } from "nitro/deps/h3";

export {
  defineCachedEventHandler as defineCachedHandler,
  defineCachedFunction,
  defineNitroPlugin as definePlugin,
  useStorage,
} from "nitro/runtime";

export function route(answer) {
  return defineEventHandler(async (event) =>
    answer(event.req.method === "POST" ? await readBody(event) : undefined),
  );
}
