/** Which change is which event. */
import { expect, test, vi } from "vitest";
import { recorded } from "../../events.js";

export function describeEvents(open, { watches, listsMeta = true }) {
  test("each change is one event", async () => {
    const { storage } = await open();
    const { events, unwatch } = await recorded(storage);
    const heard = async (...expected) => {
      if (watches)
        await vi.waitFor(() => expect(events.length).toBeGreaterThanOrEqual(expected.length), 5000);
      expect(events.splice(0).sort()).toEqual(expected);
    };
    await storage.setItem("a/b", 1);
    await storage.setItemRaw("raw", "text");
    await heard("update a:b", "update raw");
    await storage.setItems([
      { key: "c", value: 1 },
      { key: "d", value: 2 },
    ]);
    await heard("update c", "update d");
    await storage.removeItem("c");
    await storage.setMeta("d", { a: 1 });
    await heard("remove c", "update d$");
    await storage.clear("a");
    await heard("remove a:b");
    await storage.clear();
    await heard("remove d", ...(listsMeta ? ["remove d$"] : []), "remove raw");
    expect(await storage.getItem("d$")).toBe(null);
    await unwatch();
    await storage.setItem("a", 1);
    await heard();
  });
}
