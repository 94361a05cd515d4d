/** The locks on the lock file. */
import { createStorage } from "rustorage";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { folder } from "../../folder.js";
import { open } from "../embedded/drivers.js";
import { start } from "../embedded/processes.js";

// The system's locks of open files are Linux's alone.
test.skipIf(process.platform !== "linux")(
  "a process that reads the lock file goes on writing beside others",
  async () => {
    const path = join(folder(), "items");
    const driver = open("lmdb", path, { sync: "none" });
    const storage = createStorage({ driver });
    await storage.setItem("item", 0);
    // The system drops the process's locks on it.
    readFileSync(`${path}-lock`);
    const { ended } = await start("opening", { name: "lmdb", path, count: 1500 });
    let hasEnded = false;
    ended.then(() => (hasEnded = true));
    let round = 0;
    while (!hasEnded) {
      round++;
      const value = round;
      await storage.setItems(
        Array.from({ length: 300 }, (_, index) => ({
          key: `own:${(index * 7 + round) % 900}`,
          value,
        })),
      );
    }
    expect(await ended).toEqual({ code: 0, signal: null, lines: ["begins", "1500"] });
    expect(await storage.getKeys("other")).toHaveLength(1500);
    const own = await storage.getItems(await storage.getKeys("own"));
    expect(own.filter(({ value }) => value === round)).toHaveLength(300);
  },
  60_000,
);
