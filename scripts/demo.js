/** A real Nitro server on rustorage: writes and reads data over HTTP, restarts, and shows that the data is still there. */
import { deepStrictEqual } from "node:assert";
import { buildApp, exampleApp, removeApp, startApp } from "./app.js";

const folder = buildApp(exampleApp("nitro"));
let app;
try {
  app = await startApp(folder);
  console.log(`A Nitro server runs on rustorage at ${app.url}\n`);

  const { mounts, shared } = (await show("GET", "/mounts")).body;
  deepStrictEqual(shared, true);
  for (const base of ["data:", "recent:", ""]) {
    deepStrictEqual(mounts.find((mount) => mount.base === base)?.native, true, `${base} is native`);
  }

  console.log("\nIn memory:");
  await show("PUT", "/storage/test:foo", { hello: "world" });
  deepStrictEqual((await show("GET", "/storage/test:foo")).body.value, { hello: "world" });

  console.log("\nOn disk, storage.data = { driver: 'fs', base: '.data/kv' }:");
  await show("PUT", "/storage/data:users:ada", { name: "Ada", born: 1815 });
  deepStrictEqual((await show("GET", "/keys?base=data")).body, ["users:ada"]);

  console.log("\nIn a cache of two items that a plugin mounted at run time:");
  for (const number of [1, 2, 3]) await show("PUT", `/storage/recent:${number}`, { number });
  deepStrictEqual((await show("GET", "/keys?base=recent")).body, ["3", "2"]);

  console.log("\nAfter a restart:");
  await app.stop();
  app = await startApp(folder);
  deepStrictEqual((await show("GET", "/storage/test:foo")).status, 404);
  deepStrictEqual((await show("GET", "/storage/data:users:ada")).body.value, {
    name: "Ada",
    born: 1815,
  });
  console.log("\nMemory is empty again, what is on disk is still there.");
} finally {
  await app?.stop();
  removeApp(folder);
}

async function show(method, path, sent) {
  const answer = await app.ask(method, path, sent);
  const what = sent === undefined ? "" : ` ${JSON.stringify(sent)}`;
  const got = answer.status < 400 ? JSON.stringify(answer.body) : `${answer.status}`;
  console.log(`  ${method} ${path}${what} → ${got}`);
  return answer;
}
