/** Reads of values of 100 bytes by drivers of services, from a server on this machine that stands for each. */
import { list } from "../data.js";
import { KEYS, services } from "../service-server.js";

/** The options of each driver, where the services are at `url`. */
const SERVICES = {
  s3: (url) => ({
    endpoint: url,
    region: "r",
    bucket: "bucket",
    accessKeyId: "id",
    secretAccessKey: "key",
  }),
  upstash: (url) => ({ url, token: "token" }),
  "netlify-blobs": (url) => ({ edgeURL: url, siteID: "s", token: "token", name: "n" }),
  "cloudflare-kv-http": (url) => ({
    apiURL: url,
    accountId: "a",
    namespaceId: "n",
    apiToken: "token",
  }),
  github: (url) => ({ apiURL: url, cdnURL: url, repo: "owner/name" }),
};

const key = (index) => KEYS[index % KEYS.length];

function get(width) {
  return (storage) => (index) =>
    Promise.all(list(width, (offset) => storage.getItem(key(index * width + offset))));
}

function getBatch(storage) {
  return (index) => {
    const start = (index * 37) % 900;
    return storage.getItems(KEYS.slice(start, start + 100));
  };
}

export const cells = Object.entries(SERVICES).flatMap(([name, optionsAt]) => {
  const open = async ({ createStorage, driver }) => {
    const make = await driver(name);
    const storage = createStorage({ driver: make(optionsAt(await services())) });
    // What a driver keeps of what it has read, as that of GitHub does, all of them have then.
    await storage.getItems(KEYS);
    return storage;
  };
  return [
    ["get", 1.2, get(1)],
    ["get x64", 2, get(64)],
    ["getItems of 100", 2, getBatch],
  ].map(([operation, bar, perform]) => ({
    name: `${name}: ${operation}`,
    bar,
    setup: async (lib) => perform(await open(lib)),
  }));
});
