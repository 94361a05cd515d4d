/**
 * What every driver does, native or JavaScript, asked through a storage: once mounted at the root, once under a mount
 * point and seen through a prefixed view.
 *
 * `create()` makes an empty driver. `capabilities` say what it can do:
 * - keeps: false for a driver that stores nothing
 * - writes: false for one that only reads, and holds `foo` with the value "bar" and `dir:item` with 1
 * - clears: false for one that does not clear
 * - raw: "identity" where a raw value comes back as the same JavaScript value, "bytes" where its bytes do
 * - ttl: whether an item's `ttl` holds; false must show in `flags.ttl` too; leave it out where nothing is said
 * - surrogates: whether keys and values may hold lone surrogates
 * - order: "insertion", "newest", "sorted" or none: the order of getKeys
 * - nested: whether the keys `foo` and `foo:bar` may both exist
 * - meta: the fields of native meta
 * - forgets: whether dispose empties it
 * - reopens: false for one whose client is the caller's, and of no use after dispose
 * - metaOfItems: those of an item that is there, if these are others
 * - watches: whether the driver tells of changes by itself, some time later
 * - lineFeeds: false where keys can hold none
 * - empties: false where an item without a byte is none
 * - encodedKeys: keys are encoded as in URLs, and `%20` is a space
 * - listsMeta: false where the store does not list the keys that end in `$`, and clear so cannot tell of them
 * - expires: whether it tells that an item has expired, as a removal
 */
import { createStorage, prefixStorage } from "rustorage";
import { describe, expect, test } from "vitest";
import { describeBatches } from "./suite/batches.js";
import { describeClear } from "./suite/clear.js";
import { describeDriver } from "./suite/driver.js";
import { describeEvents } from "./suite/events.js";
import { describeItems } from "./suite/items.js";
import { describeKeys } from "./suite/keys.js";
import { describeEmpty, describeReading, describeStaying } from "./suite/limited.js";
import { describeMeta } from "./suite/meta.js";
import { describeRaw } from "./suite/raw.js";
import { describeStrings } from "./suite/strings.js";
import { describeTtl } from "./suite/ttl.js";
import { describeTypes } from "./suite/types.js";

const PLACES = [
  { place: "at the root", base: "" },
  { place: "under a mount point", base: "mount:point:" },
];

export function conformance(name, { create, capabilities }) {
  describe(name, () => {
    describe.each(PLACES)("$place", ({ base }) => {
      const open = async () => {
        const driver = await create();
        const storage = createStorage();
        storage.mount(base, driver);
        return { driver, storage: prefixStorage(storage, base), depth: base.split(":").length - 1 };
      };
      if (capabilities.keeps === false) describeEmpty(open);
      else if (capabilities.writes === false) describeReading(open);
      else if (capabilities.clears === false) describeStaying(open);
      else describeKeeping(open, capabilities);
    });
  });
}

function describeKeeping(open, capabilities) {
  describeItems(open, capabilities);
  describeStrings(open, capabilities);
  describeTypes(open);
  describeRaw(open, capabilities);
  describeKeys(open, capabilities);
  describeClear(open, capabilities);
  describeBatches(open);
  describeMeta(open, capabilities);
  describeEvents(open, capabilities);
  if (capabilities.ttl) describeTtl(open, capabilities);
  if (capabilities.ttl === false) {
    test("says that it knows no ttl", async () => {
      const { driver } = await open();
      expect(driver.flags.ttl).toBe(false);
    });
  }
  describeDriver(open, capabilities);
}
