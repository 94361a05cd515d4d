/** What a service holds in the end is what the last call that was acknowledged left there. */
import { createStorage } from "rustorage";
import http from "rustorage/drivers/http";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { serveAnswers } from "../../servers/answers.js";

const open = (base) => createStorage().mount("far", http({ base }));

test("calls on one key follow each other, and listings and clear come in their turn", async () => {
  const kept = new Map();
  const { url } = await serveAnswers(async (request, response, count) => {
    // The first takes longest.
    await new Promise((resolve) => setTimeout(resolve, count === 0 ? 100 : 0));
    const key = request.url.slice(1);
    if (request.method === "PUT") kept.set(key, request.body);
    if (request.method === "DELETE" && key === ":") kept.clear();
    else if (request.method === "DELETE") kept.delete(key);
    if (request.method !== "GET") response.end();
    else if (key === ":") response.end(JSON.stringify([...kept.keys()]));
    else if (kept.has(key)) response.end(kept.get(key));
    else response.writeHead(404).end();
  });
  const storage = open(url);
  const answers = await Promise.all([
    storage.setItem("far:a", 1),
    storage.getItem("far:a"),
    storage.setItems([
      { key: "far:a", value: 2 },
      { key: "far:b", value: 1 },
      { key: "far:b", value: 3 },
    ]),
    storage.getItems(["far:a", "far:b"]),
    storage.removeItem("far:a"),
    storage.getKeys("far"),
    storage.clear("far"),
    storage.getKeys("far"),
  ]);
  expect(answers[1]).toBe(1);
  expect(answers[3].map(({ value }) => value)).toEqual([2, 3]);
  expect(answers[5]).toEqual(["far:b"]);
  expect(answers[7]).toEqual([]);
});

describe("what fails leaves nothing under way", () => {
  /** Refuses what has `bad` in its path at once, and does all other writes of the first round late. */
  async function slow(listed) {
    const kept = new Map();
    const { url, requests } = await serveAnswers(async (request, response) => {
      const { method, url: path, body } = request;
      if (path.endsWith(":")) return response.end(method === "GET" ? JSON.stringify(listed) : "");
      if (path.includes("bad")) return response.writeHead(400).end();
      if (String(body) !== "new") await sleep(300);
      if (method === "PUT") kept.set(path, String(body));
      else kept.delete(path);
      response.end();
    });
    return { storage: open(url), kept, requests };
  }

  test("setItems", async () => {
    const { storage, kept, requests } = await slow();
    const many = Array.from({ length: 200 }, (_, index) => ({ key: `far:${index}`, value: "old" }));
    const items = [{ key: "far:a", value: "old" }, { key: "far:bad", value: "old" }, ...many];
    const refused = { code: "REFUSED", key: "far:bad" };
    await expect(storage.setItems(items)).rejects.toMatchObject(refused);
    const begun = requests.length;
    await storage.setItem("far:a", "new");
    await sleep(400);
    expect(kept.get("/a")).toBe("new");
    expect([begun, requests.length]).toEqual([64, 65]);
  });

  test("clear", async () => {
    const { storage, kept } = await slow(["base/a", "base/bad"]);
    const refused = { code: "REFUSED", operation: "clear" };
    await expect(storage.clear("far:base")).rejects.toMatchObject(refused);
    await storage.setItem("far:base:a", "new");
    await sleep(400);
    expect(kept.get("/base/a")).toBe("new");
  });
});
