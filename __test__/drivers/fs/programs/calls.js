/** Makes calls, given as JSON, one after another; prints what each came to. */
import { createStorage } from "rustorage";
import fs from "rustorage/drivers/fs";

const [base, calls] = process.argv.slice(2);
const storage = createStorage({ driver: fs({ base }) });
const results = [];
for (const [operation, ...args] of JSON.parse(calls)) {
  const call = storage[operation](...args);
  results.push(await call.catch(({ code, message }) => ({ code, message })));
}
console.log(JSON.stringify(results));
