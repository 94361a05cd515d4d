import { defineNitroConfig } from "nitro/config";
import rustorage, { withNativeStorage } from "rustorage/nitro";

export { useStorage } from "nitro/runtime";

const storage = { recent: { driver: "lru-cache", max: 3 } } as const;
defineNitroConfig({ modules: ["rustorage/nitro"], storage });
defineNitroConfig({ modules: [rustorage] });
defineNitroConfig(withNativeStorage({ srcDir: "server", storage, devStorage: storage }));
