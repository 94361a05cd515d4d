import { createStorageHandler } from "unstorage/server";
import { route, useStorage } from "../target.js";

/** An item of Nitro's storage, as a server gives it that the app makes itself. */
export default route(async () => {
  const handle = createStorageHandler(useStorage("data"), { authorize: () => {} });
  const response = await handle(new Request("http://localhost/served"));
  return { text: await response.text(), etag: response.headers.has("etag") };
});
