/** Where github differs from unstorage's on purpose. */
import { createHash } from "node:crypto";
import { createStorage } from "rustorage";
import github from "rustorage/drivers/github";
import { expect, test } from "vitest";
import { overHttp } from "./over-http.js";

/** The github driver on an API that knows the file `a`, with the bytes of `content`, or fails; `asked` are the paths. */
async function overGithub({ content = "1", fails = () => false, truncated = false } = {}) {
  const asked = [];
  const bytes = Buffer.from(content);
  const sha = createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");
  const { url } = await overHttp((request, response) => {
    asked.push(request.url);
    if (fails()) response.writeHead(401).end();
    else if (!request.url.includes("/git/trees/")) response.end(bytes);
    else {
      const tree = [{ path: "a", type: "blob", sha, mode: "100644" }];
      const isCut = truncated && request.url.endsWith("?recursive=1");
      response.end(JSON.stringify({ sha, tree: isCut ? [] : tree, truncated: isCut }));
    }
  });
  const options = { repo: "owner/name", ttl: 0, apiURL: url, cdnURL: url };
  return { asked, storage: createStorage({ driver: github(options) }) };
}

test("github gives bytes as they are", async () => {
  const { storage } = await overGithub({ content: Buffer.from([255, 0]) });
  expect(await storage.getItemRaw("a")).toEqual(Buffer.from([255, 0]));
});

test("github asks again after it failed, and for changed files alone", async () => {
  let down = true;
  const { storage, asked } = await overGithub({ fails: () => down });
  await expect(storage.getItem("a")).rejects.toMatchObject({ code: "UNAUTHORIZED" });
  down = false;
  expect(await storage.getItem("a")).toBe(1);
  expect(await storage.getItem("a")).toBe(1);
  expect(asked.filter((path) => path.endsWith("/a"))).toHaveLength(1);
});

test("github lists repositories of any size", async () => {
  const { storage, asked } = await overGithub({ truncated: true });
  expect(await storage.getKeys()).toEqual(["a"]);
  expect(asked).toHaveLength(2);
});
