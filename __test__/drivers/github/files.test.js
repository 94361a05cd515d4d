/** What the github driver reads, how often it asks, and that unstorage's reads the same. */
import { createStorage } from "rustorage";
import github from "rustorage/drivers/github";
import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { createStorage as createStorage2 } from "unstorage";
import theirs2 from "unstorage/drivers/github";
import { createStorage as createStorage1 } from "unstorage-v1";
import theirs1 from "unstorage-v1/drivers/github";
import { afterAll, beforeEach, expect, test } from "vitest";
import { serveAnswers } from "../../servers/answers.js";
import { TOKEN, startGithub } from "../../servers/github.js";

const server = await startGithub();
afterAll(() => server.stop());
const bytes = Buffer.from(Uint8Array.from({ length: 256 }, (_, index) => index));
await server.write("items/page.json", `{"title":"é"}`);
await server.write("items/deep/er/text", "text");
await server.write("items/image", bytes);
await server.write("elsewhere", "1");
const { requests, options } = server;
beforeEach(() => {
  requests.length = 0;
});

const open = (more) => createStorage({ driver: github({ ...options, dir: "items", ...more }) });
const trees = () => requests.filter(({ url }) => url.includes("/git/trees/"));
const files = () => requests.filter(({ url }) => !url.includes("/git/trees/"));

test.each([
  ["unstorage 2", createStorage2, theirs2],
  ["unstorage 1", createStorage1, theirs1],
])("reads what %s reads", async (_, create, theirDriver) => {
  for (const dir of ["items", "items/deep", ""]) {
    const ours = open({ dir });
    const theirs = create({ driver: theirDriver({ ...options, dir }) });
    const keys = await theirs.getKeys();
    expect((await ours.getKeys()).sort()).toEqual(keys.toSorted());
    for (const key of keys.filter((name) => !name.endsWith("image"))) {
      expect(await ours.getItem(key)).toEqual(await theirs.getItem(key));
      expect(await ours.getMeta(key)).toEqual(await theirs.getMeta(key));
      expect(await ours.hasItem(key)).toBe(true);
    }
    expect([await ours.getItem("none"), await ours.hasItem("none")]).toEqual([null, false]);
  }
});

test("bytes are as they are in the repository", async () => {
  expect((await open().getItemRaw("image")).equals(bytes)).toBe(true);
});

test("the list is fetched once, whoever comes meanwhile, and files once", async () => {
  const storage = open();
  await Promise.all([
    ...Array.from({ length: 50 }, () => storage.hasItem("page.json")),
    storage.getKeys(),
    storage.getKeys("deep"),
    storage.getMeta("page.json", { nativeOnly: true }),
  ]);
  await storage.getItem("page.json");
  await storage.getItem("page.json");
  expect([trees().length, files().length]).toEqual([1, 1]);
  expect(requests.map(({ headers }) => headers.authorization)).toEqual(
    Array(2).fill(`token ${TOKEN}`),
  );
});

test("a ttl may be as long as one likes", async () => {
  for (const ttl of [1e300, Infinity]) {
    requests.length = 0;
    const storage = open({ ttl });
    await storage.getKeys();
    await storage.getKeys();
    expect(trees()).toHaveLength(1);
  }
});

test("after ttl the list is fetched anew, and only the files that changed", async () => {
  await server.write("items/changing", "1");
  const storage = open({ ttl: 0.2 });
  expect(await storage.getItem("changing")).toBe(1);
  await storage.getItem("page.json");
  await server.write("items/changing", "2");
  expect(await storage.getItem("changing")).toBe(1);
  await sleep(250);
  expect(await storage.getItem("changing")).toBe(2);
  await storage.getItem("page.json");
  expect([trees().length >= 2, files().length]).toEqual([true, 3]);
});

test("what is no more, or not yet, the file's content is not kept", async () => {
  const sha = createHash("sha1").update("blob 3\0new").digest("hex");
  let content = "old";
  const { storage, requests: asked } = await serve((request, response) => {
    if (!request.url.includes("/git/trees/")) response.end(content);
    else response.end(`{"tree":[{"path":"items/a","type":"blob","sha":"${sha}","mode":"100644"}]}`);
  });
  expect(await storage.getItem("a")).toBe("old");
  content = "new";
  expect(await storage.getItem("a")).toBe("new");
  expect(await storage.getItem("a")).toBe("new");
  expect(asked).toHaveLength(3);
});

async function serve(answer) {
  const service = await serveAnswers(answer);
  return { ...service, storage: open({ apiURL: service.url, cdnURL: service.url }) };
}

test("a list that could not be fetched fails all that wait for it, and the next call asks again", async () => {
  let fails = true;
  const { storage, requests: asked } = await serve((_, response) => {
    if (fails) response.writeHead(401).end(`{"message":"Bad credentials ${TOKEN}"}`);
    else response.end(`{"tree":[{"path":"items/a","type":"blob","sha":"1","mode":"100644"}]}`);
  });
  const results = await Promise.allSettled([storage.getItem("a"), storage.getKeys()]);
  for (const { reason } of results) {
    expect(reason).toMatchObject({ code: "UNAUTHORIZED", status: 401, driver: "github" });
    expect(reason.message).toContain("Bad credentials ***");
  }
  expect(asked).toHaveLength(1);
  fails = false;
  expect(await storage.getKeys()).toEqual(["a"]);
});

test("that there were too many requests is said", async () => {
  const { storage } = await serve((_, response) => {
    const headers = { "x-ratelimit-remaining": "0", "x-github-request-id": "id" };
    response.writeHead(403, headers).end(`{"message":"API rate limit exceeded"}`);
  });
  await expect(storage.getKeys()).rejects.toMatchObject({
    code: "RATE_LIMITED",
    status: 403,
    requestId: "id",
  });
});

/** The API, but that it cuts lists of more than `most`; `asked` are the trees, each with how it was asked for. */
async function cutting(most) {
  const asked = [];
  const service = await serveAnswers(async (request, response) => {
    const headers = { authorization: request.headers.authorization };
    const reply = await fetch(options.apiURL + request.url, { headers });
    const list = await reply.json();
    const isCut = request.url.endsWith("?recursive=1") && list.tree.length > most;
    if (isCut) Object.assign(list, { tree: list.tree.slice(0, most), truncated: true });
    asked.push(request.url.split("/").at(-1));
    response.end(JSON.stringify(list));
  });
  return { apiURL: service.url, asked };
}

test.each(["", "items", "items/deep/er", "none"])(
  "more files in %j than GitHub tells at once are asked for tree by tree",
  async (dir) => {
    const expected = await open({ dir }).getKeys();
    const { apiURL, asked } = await cutting(1);
    const storage = open({ dir, apiURL });
    expect((await storage.getKeys()).sort()).toEqual(expected.toSorted());
    for (const key of expected) expect(await storage.hasItem(key)).toBe(true);
    expect(asked.slice(0, 2)).toEqual([
      "main?recursive=1",
      expect.stringMatching(/^[0-9a-f]{40}$/),
    ]);
    expect(asked.length).toBeGreaterThan(dir === "none" ? 1 : 3);
  },
);

test("trees that hold no item are not asked for", async () => {
  await server.write("other/deep/file", "1");
  const { apiURL, asked } = await cutting(4);
  await open({ dir: "items/deep", apiURL }).getKeys();
  const { apiURL: again, asked: all } = await cutting(4);
  await open({ dir: "", apiURL: again }).getKeys();
  expect(asked.length).toBeLessThan(all.length);
});

test("a list that is not whole, or none, is an error", async () => {
  const endless = `{"sha":"a1","tree":[],"truncated":true}`;
  for (const answer of [endless, `{"tree":[],"truncated":true}`, "{}", "<html>"]) {
    const { storage } = await serve((_, response) => response.end(answer));
    await expect(storage.getKeys()).rejects.toMatchObject({ code: "EPROTO", status: 200 });
  }
});

test("names of files go into paths as they are", async () => {
  const { storage, requests: asked } = await serve((request, response) => {
    if (!request.url.includes("/git/trees/")) response.end("1");
    else response.end(`{"tree":[{"path":"items/a b#%/é","type":"blob","sha":"1","mode":"1"}]}`);
  });
  const [key] = await storage.getMount("").driver.getKeys("");
  expect(await storage.getMount("").driver.getItem(key)).toBe("1");
  expect(asked[1].url).toBe("/octocat/files/main/items/a%20b%23%25/%C3%A9");
});

test.each([
  [{ repo: "" }, "`repo` is required"],
  [{ repo: "owner" }, "`repo` must be `owner/name`"],
  [{ repo: "../name" }, "`repo` must be `owner/name`"],
  [{ branch: "../other" }, "`branch` must have no"],
  [{ dir: "a/../b" }, "`dir` must have no"],
])("options %j are refused", (more, cause) => {
  expect(() => github({ ...options, ...more })).toThrow(cause);
});
