/** What a caller's asynchronous context sees, and what a caller's mistakes do to other calls. */
import { createStorage } from "rustorage";
import fs from "rustorage/drivers/fs";
import { AsyncLocalStorage } from "node:async_hooks";
import { expect, test } from "vitest";
import { folder } from "../folder.js";

test("AsyncLocalStorage holds after every await and in every then", async () => {
  const context = new AsyncLocalStorage();
  const storage = createStorage().mount("files", fs({ base: folder() }));
  const one = (id) =>
    context.run(id, async () => {
      for (const key of [`memory:${id}`, `files:${id}`]) {
        const calls = [
          () => storage.setItem(key, id),
          () => storage.getItem(key),
          () => storage.hasItem(key),
          () => storage.setItemRaw(key, "raw"),
          () => storage.getItemRaw(key),
          () => storage.setItems([{ key, value: id }]),
          () => storage.getItems([key]),
          () => storage.getMeta(key),
          () => storage.setMeta(key, { id }),
          () => storage.getKeys(),
          () => storage.removeMeta(key),
          () => storage.removeItem(key),
        ];
        for (const call of calls) {
          await call();
          expect(context.getStore()).toBe(id);
          expect(await call().then(() => context.getStore())).toBe(id);
        }
      }
    });
  await Promise.all(Array.from({ length: 50 }, (_, id) => one(id)));
});

test("an error in one caller's then does not reach the others", async () => {
  const storage = createStorage({ driver: fs({ base: folder() }) });
  const calls = Array.from({ length: 100 }, (_, index) =>
    storage.setItem(`key:${index}`, index).then(() => {
      if (index % 2) throw new Error(`mine ${index}`);
      return index;
    }),
  );
  const settled = await Promise.allSettled(calls);
  expect(settled.map(({ value, reason }) => value ?? reason.message)).toEqual(
    calls.map((_, index) => (index % 2 ? `mine ${index}` : index)),
  );
});
