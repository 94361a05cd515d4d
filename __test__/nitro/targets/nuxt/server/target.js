import { defineEventHandler, readBody } from "h3";

export {
  defineCachedEventHandler as defineCachedHandler,
  defineCachedFunction,
  defineNitroPlugin as definePlugin,
  useStorage,
} from "nitropack/runtime";

export function route(answer) {
  return defineEventHandler(async (event) =>
    answer(event.method === "POST" ? await readBody(event) : undefined),
  );
}
