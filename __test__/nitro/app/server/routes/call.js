import { route, useStorage } from "../target.js";

/** Calls a method of the storage under a base. */
export default route(async ({ base, method, args = [] }) => {
  try {
    return { value: await useStorage(base)[method](...args) };
  } catch ({ message, code }) {
    return { error: { message, code } };
  }
});
