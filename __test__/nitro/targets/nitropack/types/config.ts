import { defineNitroConfig } from "nitropack/config";
import rustorage, { withNativeStorage } from "rustorage/nitro";

export { useStorage } from "nitropack/runtime";

const storage = { recent: { driver: "lru-cache", max: 3 } } as const;
defineNitroConfig({ modules: ["rustorage/nitro"], storage });
defineNitroConfig({ modules: [rustorage], tracingChannel: true });
defineNitroConfig(withNativeStorage({ srcDir: "server", storage, devStorage: storage }));
