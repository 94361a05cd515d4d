import { createStorage } from "rustorage";
import fs from "rustorage/drivers/fs";
import fsLite from "rustorage/drivers/fs-lite";
import lruCache from "rustorage/drivers/lru-cache";
import memory from "rustorage/drivers/memory";
import nullDriver from "rustorage/drivers/null";
import overlay from "rustorage/drivers/overlay";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { mapDriver } from "./map-driver.js";
import { conformance } from "./suite.js";

const IN_MEMORY = {
  raw: "identity",
  ttl: true,
  surrogates: true,
  order: "insertion",
  nested: true,
  forgets: true,
};

const AS_TEXT = { raw: "bytes", surrogates: true, order: "insertion", nested: true };

const FILES = {
  raw: "bytes",
  nested: true,
  ttl: true,
  meta: ["atime", "mtime", "size", "birthtime", "ctime"],
};

function folder() {
  const path = mkdtempSync(join(tmpdir(), "rustorage-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return join(path, "base");
}

conformance("memory", { create: () => memory(), capabilities: IN_MEMORY });

conformance("memory, spread into another object", {
  create: () => ({ ...memory() }),
  capabilities: IN_MEMORY,
});

conformance("lru-cache", {
  create: () => lruCache(),
  capabilities: { ...IN_MEMORY, order: "newest" },
});

conformance("null", { create: () => nullDriver(), capabilities: { keeps: false } });

conformance("overlay", {
  create: () => overlay({ layers: [memory(), memory()] }),
  capabilities: { ...AS_TEXT, ttl: true, forgets: true },
});

conformance("fs", {
  create: () => fs({ base: folder() }),
  capabilities: { ...FILES, watches: true },
});

for (const options of [{ atomic: false }, { durable: true }, { followSymlinks: false }]) {
  conformance(`fs with ${JSON.stringify(options)}`, {
    create: () => fs({ base: folder(), ...options }),
    capabilities: { ...FILES, watches: true },
  });
}

conformance("fs-lite", { create: () => fsLite({ base: folder() }), capabilities: FILES });

conformance("a JavaScript driver", { create: () => mapDriver(), capabilities: AS_TEXT });

conformance("a storage as a driver", {
  create: () => createStorage({ driver: memory() }),
  capabilities: IN_MEMORY,
});
