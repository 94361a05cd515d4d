/** Leaves something behind that must not keep the process alive. */
import { createStorage } from "rustorage";
import fs from "rustorage/drivers/fs";

const [, , what, base] = process.argv;
const storage = createStorage().mount("files", fs({ base }));

switch (what) {
  case "ttl":
    await storage.setItem("a", 1, { ttl: 3600 });
    break;
  case "watcher":
    await storage.watch(() => {});
    break;
  case "files":
    await storage.setItem("files:a", 1);
    await storage.getItem("files:a");
    break;
  case "unawaited write":
    void storage.setItem("files:a", "written");
    break;
}
