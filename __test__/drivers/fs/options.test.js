/** Each option of fs and fs-lite that no other file here is about, and what clear and getKeys touch. */
import { createStorage } from "rustorage";
import fs from "rustorage/drivers/fs";
import fsLite from "rustorage/drivers/fs-lite";
import {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { describe, expect, test, vi } from "vitest";
import { folder } from "../../folder.js";

describe.each([
  ["fs", fs],
  ["fs-lite", fsLite],
])("%s", (name, driver) => {
  const open = (base, options) => createStorage({ driver: driver({ base, ...options }) });

  test("readOnly changes nothing", async () => {
    const base = folder();
    writeFileSync(join(base, "a"), "1");
    const storage = open(base, { readOnly: true });
    await storage.setItem("a", 2);
    await storage.setItemRaw("b", "2");
    await storage.setItems([{ key: "c", value: 2 }]);
    await storage.removeItem("a");
    await storage.clear();
    expect(readdirSync(base)).toEqual(["a"]);
    expect(await storage.getItem("a")).toBe(1);
  });

  test("noClear lets everything else happen", async () => {
    const base = folder();
    const storage = open(base, { noClear: true });
    await storage.setItem("a:b", 1);
    await storage.clear();
    await storage.clear("a");
    expect(await storage.getKeys()).toEqual(["a:b"]);
    await storage.removeItem("a:b");
    expect(await storage.getKeys()).toEqual([]);
  });

  test("raw values of every kind come back as their bytes", async () => {
    const bytes = Buffer.from("some bytes");
    const padded = Uint8Array.of(0, ...bytes, 0);
    const parts = async function* () {
      yield "some ";
      yield bytes.subarray(5);
    };
    const kinds = {
      string: "some bytes",
      Buffer: bytes,
      Uint8Array: padded.subarray(1, -1),
      DataView: new DataView(padded.buffer, 1, bytes.length),
      ArrayBuffer: Uint8Array.from(bytes).buffer,
      Blob: new Blob(["some ", "bytes"]),
      File: new File([bytes], "name"),
      ReadableStream: new Blob([bytes]).stream(),
      Readable: Readable.from(parts()),
      generator: parts(),
    };
    const storage = open(folder());
    const single = driver({ base: folder() });
    for (const [kind, value] of Object.entries(kinds)) {
      await storage.setItemRaw(kind, value);
      expect([kind, bytes.equals(await storage.getItemRaw(kind))]).toEqual([kind, true]);
      // A stream can be read once.
      await single.setItemRaw(kind, Symbol.asyncIterator in Object(value) ? parts() : value);
      expect([kind, bytes.equals(await single.getItemRaw(kind))]).toEqual([kind, true]);
    }
  });

  test("a stream that fails, or gives what is no bytes, leaves the old value", async () => {
    const storage = open(folder());
    await storage.setItemRaw("item", "old");
    const failing = async function* () {
      yield "new";
      throw new Error("expected");
    };
    await expect(storage.setItemRaw("item", failing())).rejects.toThrow("expected");
    const numbers = Readable.from([1, 2]);
    const refused = { code: "INVALID_VALUE", operation: "setItemRaw", key: "item", driver: name };
    await expect(storage.setItemRaw("item", numbers)).rejects.toMatchObject(refused);
    for (const value of [["a"], { a: 1 }, 1, new Map(), null]) {
      await expect(storage.setItemRaw("item", value)).rejects.toMatchObject(refused);
    }
    expect(await storage.getItem("item")).toBe("old");
  });

  test("mode and dirMode, less the umask", async () => {
    const base = join(folder(), "base");
    const mask = process.umask(0o027);
    const modes = (...paths) => paths.map((path) => statSync(join(base, path)).mode & 0o7777);
    try {
      await open(base).setItem("dir:plain", 1);
      expect(modes("dir/plain", "dir")).toEqual([0o640, 0o750]);
      for (const atomic of [true, false]) {
        const storage = open(base, { mode: 0o606, dirMode: 0o711, atomic });
        await storage.setItem(`own${atomic}:item`, 1);
        expect(modes(`own${atomic}/item`, `own${atomic}`)).toEqual([0o600, 0o710]);
        // What is there keeps what it has.
        await storage.setItem("dir:plain", 2);
        expect(modes("dir/plain")).toEqual([0o640]);
      }
    } finally {
      process.umask(mask);
    }
  });

  test("followSymlinks: false refuses what leads through a link, and lists none", async () => {
    const [base, outside] = [folder(), folder()];
    writeFileSync(join(outside, "secret"), "secret");
    symlinkSync(outside, join(base, "dir"));
    symlinkSync(join(outside, "secret"), join(base, "file"));
    mkdirSync(join(base, "real"));
    symlinkSync(outside, join(base, "real/inner"));
    const storage = open(base, { followSymlinks: false });
    for (const key of ["dir:secret", "file", "real:inner:secret"]) {
      for (const call of [
        () => storage.getItem(key),
        () => storage.getItemRaw(key),
        () => storage.getItems([key]),
        () => storage.hasItem(key),
        () => storage.getMeta(key),
        () => storage.setItem(key, "new"),
      ]) {
        await expect(call()).rejects.toMatchObject({ code: "ELOOP" });
      }
    }
    await expect(storage.removeItem("dir:secret")).rejects.toMatchObject({ code: "ELOOP" });
    await storage.setItem("real:item", 1);
    expect(await storage.getKeys()).toEqual(["real:item"]);
    await storage.clear();
    expect(readFileSync(join(outside, "secret"), "utf8")).toBe("secret");
    // A link above the base is nobody's concern.
    symlinkSync(base, join(outside, "base"));
    const linked = open(join(outside, "base"), { followSymlinks: false });
    await linked.setItem("x:y", 2);
    expect(await linked.getItem("x:y")).toBe(2);
  });

  test("links are followed otherwise, and written through", async () => {
    const [base, outside] = [folder(), folder()];
    writeFileSync(join(outside, "value"), "1");
    symlinkSync(outside, join(base, "dir"));
    symlinkSync(join(outside, "value"), join(base, "soft"));
    writeFileSync(join(base, "first"), "a long value");
    linkSync(join(base, "first"), join(base, "second"));
    for (const durable of [false, true]) {
      const storage = open(base, { durable });
      await storage.setItem("soft", 2);
      expect(await storage.getItem("dir:value")).toBe(2);
      await storage.setItem("dir:value", 3);
      expect(await storage.getItem("soft")).toBe(3);
      await storage.setItem("second", "short");
      expect(await storage.getItem("first")).toBe("short");
      await storage.setItem("first", "a long value");
    }
    expect(lstatSync(join(base, "soft")).isSymbolicLink()).toBe(true);
  });

  test("clear removes what is under the base, and nothing outside", async () => {
    const [base, outside] = [folder(), folder()];
    writeFileSync(join(outside, "value"), "1");
    const storage = open(base);
    for (const key of ["a:b:c", "a:d", "ab:c", "e"]) await storage.setItem(key, key);
    symlinkSync(outside, join(base, "a/link"));
    symlinkSync(join(outside, "value"), join(base, "a/file"));
    symlinkSync("..", join(base, "a/b/up"));
    mkdirSync(join(base, "a/empty/er"), { recursive: true });
    await storage.clear("a");
    expect(existsSync(join(base, "a"))).toBe(false);
    expect(readdirSync(outside)).toEqual(["value"]);
    expect((await storage.getKeys()).sort()).toEqual(["ab:c", "e"]);
    // A base that is a link itself.
    symlinkSync(outside, join(base, "linked"));
    expect(await storage.getKeys("linked")).toEqual([]);
    await storage.clear("linked");
    await storage.clear("linked:value");
    await storage.clear("none");
    await storage.clear();
    expect(readdirSync(base)).toEqual([]);
    expect(readdirSync(outside)).toEqual(["value"]);
  });

  test("a folder that something else is in stays", async () => {
    const base = folder();
    const ignore = name === "fs" ? ["kept/**"] : (path) => path.startsWith(join(base, "kept/"));
    const storage = open(base, { ignore });
    await storage.setItem("kept:a", 1);
    await storage.setItem("gone:a", 1);
    await storage.clear();
    expect(readdirSync(base)).toEqual(["kept"]);
  });

  test("meta are the file's own times, as Dates", async () => {
    const base = folder();
    const storage = open(base);
    await storage.setItem("a", "four");
    utimesSync(join(base, "a"), new Date(1000), new Date(2500));
    const { size, birthtime, ctime } = statSync(join(base, "a"));
    expect({ ...(await storage.getMeta("a")) }).toEqual({
      atime: new Date(1000),
      mtime: new Date(2500),
      size,
      birthtime,
      ctime,
    });
  });

  test("what a process left unfinished is collected when it is old, and never listed", async () => {
    const base = folder();
    mkdirSync(join(base, "dir"));
    writeFileSync(join(base, "dir/item"), "1");
    const storage = open(base);
    const names = ["old", "new"].map((age) => `.unstorage-tmp-rustorage-write-1-2-${age}`);
    for (const name of names) writeFileSync(join(base, "dir", name), "half a val");
    utimesSync(join(base, "dir", names[0]), new Date(0), new Date(0));
    // Another library's may be anybody's.
    writeFileSync(join(base, "dir/.unstorage-tmp-abc"), "theirs");
    utimesSync(join(base, "dir/.unstorage-tmp-abc"), new Date(0), new Date(0));
    const left = () => readdirSync(join(base, "dir")).sort();
    const wanted = [".unstorage-tmp-abc", names[1], "item"].sort();
    expect(await storage.getKeys()).toEqual(["dir:item"]);
    expect(left()).toEqual(wanted);
    // Without a list, too: the first write looks once.
    writeFileSync(join(base, "dir", names[0]), "half a val");
    utimesSync(join(base, "dir", names[0]), new Date(0), new Date(0));
    await storage.setItem("other", 1);
    await vi.waitFor(() => expect(left()).toEqual(wanted), 10_000);
  });
});
