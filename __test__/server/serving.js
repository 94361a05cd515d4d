/** The three servers, each as its users would have it, with one way to ask. */
import { createApp, toNodeListener } from "h3";
import {
  createH3StorageHandler,
  createStorageHandler,
  createStorageServer,
} from "rustorage/server";
import { onTestFinished } from "vitest";
import { startServer } from "../servers/storage.js";

/** By name: what starts to serve a storage, and gives `(path, init) => Promise<Response>`. */
export const SERVERS = {
  async createStorageHandler(storage, options) {
    const handle = createStorageHandler(storage, options);
    return (path, init) => handle(new Request(`http://localhost${path}`, init));
  },
  async createStorageServer(storage, options) {
    return asking(createStorageServer(storage, options).handle);
  },
  async createH3StorageHandler(storage, options) {
    const app = createApp().use(createH3StorageHandler(storage, options));
    return asking(toNodeListener(app));
  },
};

async function asking(handle) {
  const { url, stop } = await startServer(handle);
  onTestFinished(stop);
  return (path, init) => fetch(url + path, init);
}
