/** What unstorage writes ours reads, and back: the same files, with both of its versions. */
import { createStorage } from "rustorage";
import fs from "rustorage/drivers/fs";
import fsLite from "rustorage/drivers/fs-lite";
import { createStorage as createStorage1 } from "unstorage-v1";
import fs1 from "unstorage-v1/drivers/fs";
import fsLite1 from "unstorage-v1/drivers/fs-lite";
import { createStorage as createStorage2 } from "unstorage";
import fs2 from "unstorage/drivers/fs";
import fsLite2 from "unstorage/drivers/fs-lite";
import { mkdirSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { folder } from "../../folder.js";

const OURS = { fs, "fs-lite": fsLite };
const THEIRS = {
  "1.17's fs": (options) => createStorage1({ driver: fs1(options) }),
  "1.17's fs-lite": (options) => createStorage1({ driver: fsLite1(options) }),
  "2's fs": (options) => createStorage2({ driver: fs2(options) }),
  "2's fs, atomic": (options) => createStorage2({ driver: fs2({ ...options, atomic: true }) }),
  "2's fs-lite": (options) => createStorage2({ driver: fsLite2(options) }),
};

const VALUES = {
  text: "text",
  empty: "",
  "number:int": 42,
  "deep:er:object": { a: [1, { b: null }] },
  "with space:é:鍵": "ключ 😀",
  "dots.json": [true],
  ".hidden": "dot",
  "long:text": "x".repeat(100_000),
};

const PAIRS = Object.keys(OURS).flatMap((ours) =>
  Object.keys(THEIRS).map((theirs) => [ours, theirs]),
);

/** Every file under the folder, with what it holds. */
function files(base) {
  const entries = readdirSync(base, { recursive: true, withFileTypes: true });
  return Object.fromEntries(
    entries
      .filter((entry) => entry.isFile())
      .map((entry) => [join(entry.parentPath ?? entry.path, entry.name).slice(base.length), entry])
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([name]) => [name, readFileSync(base + name, "latin1")]),
  );
}

describe.each(PAIRS)("our %s and unstorage %s", (ours, theirs) => {
  const pair = (base) => [
    createStorage({ driver: OURS[ours]({ base }) }),
    THEIRS[theirs]({ base }),
  ];

  async function fill(storage) {
    for (const [key, value] of Object.entries(VALUES)) await storage.setItem(key, value);
    await storage.setItemRaw("raw:bytes", Buffer.from([0, 255, 10, 13]));
    await storage.setMeta("text", { of: "text" });
  }

  test("list in the same order, files of other programs too", async () => {
    const base = folder();
    const storages = pair(base);
    for (const key of ["zeta", "alpha", "10", "9", "é", "Z", "sub:b", "sub:a"]) {
      await storages[0].setItem(key, 1);
    }
    for (const name of ["q?x", "n\\s", "co:lon", "sub/q?x", ".hidden"]) {
      writeFileSync(join(base, name), "other");
    }
    const [listed, expected] = await Promise.all(storages.map((storage) => storage.getKeys()));
    expect(listed).toEqual(expected);
    const driver = OURS[ours]({ base });
    expect(await driver.getKeys("sub", {})).toEqual(["sub/a", "sub/b", "sub/q"]);
  });

  test("write the same files", async () => {
    const bases = [folder(), folder()];
    await fill(pair(bases[0])[0]);
    await fill(pair(bases[1])[1]);
    expect(files(bases[0])).toEqual(files(bases[1]));
  });

  test.each([
    ["ours writes, theirs reads", (one, other) => [one, other]],
    ["theirs writes, ours reads", (one, other) => [other, one]],
  ])("%s", async (_, order) => {
    const [writer, reader] = order(...pair(folder()));
    await fill(writer);
    const keys = [...Object.keys(VALUES), "raw:bytes"].sort();
    expect((await reader.getKeys()).sort()).toEqual(keys);
    expect((await reader.getKeys("deep")).sort()).toEqual(["deep:er:object"]);
    for (const [key, value] of Object.entries(VALUES)) {
      expect(await reader.getItem(key)).toEqual(value);
      expect(await reader.hasItem(key)).toBe(true);
    }
    expect([...(await reader.getItemRaw("raw:bytes"))]).toEqual([0, 255, 10, 13]);
    expect(await reader.getMeta("text")).toEqual(await writer.getMeta("text"));
    await reader.removeItem("text", { removeMeta: true });
    await reader.setItem("deep:er:object", "again");
    expect(await writer.getItem("text")).toBe(null);
    expect(await writer.getMeta("text")).not.toHaveProperty("of");
    expect(await writer.getItem("deep:er:object")).toBe("again");
    await reader.clear();
    expect(await writer.getKeys()).toEqual([]);
  });
});

test("what another program changes shows at once, with folders, links and the base itself", async () => {
  const base = folder();
  const [dir, other] = [join(base, "dir"), folder()];
  const storage = createStorage({ driver: fs({ base }) });
  const strict = createStorage({ driver: fs({ base, followSymlinks: false }) });
  const expectItem = async (value) => {
    for (const each of [storage, strict]) {
      expect(await each.hasItem("dir:item")).toBe(value !== null);
      expect(await each.getItem("dir:item")).toBe(value);
    }
  };
  const expectLinked = async (value) => {
    expect(await storage.hasItem("dir:item")).toBe(value !== null);
    expect(await storage.getItem("dir:item")).toBe(value);
    for (const call of [() => strict.hasItem("dir:item"), () => strict.getItem("dir:item")]) {
      await expect(call()).rejects.toMatchObject({ code: "ELOOP" });
    }
  };
  for (let round = 0; round < 20; round++) {
    await expectItem(null);
    mkdirSync(dir, { recursive: true });
    await expectItem(null);
    writeFileSync(join(dir, "item"), `in ${round}`);
    await expectItem(`in ${round}`);
    rmSync(dir, { recursive: true });
    await expectItem(null);
    symlinkSync(other, dir);
    await expectLinked(round === 0 ? null : `out ${round - 1}`);
    writeFileSync(join(other, "item"), `out ${round}`);
    await expectLinked(`out ${round}`);
    rmSync(dir);
    writeFileSync(dir, "a file");
    await expectItem(null);
    expect(await storage.hasItem("dir")).toBe(true);
    rmSync(base, { recursive: true });
  }
});
