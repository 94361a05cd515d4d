/** How the s3 driver comes by its keys, whom it asks, and what becomes of answers that say no. */
import { createStorage } from "rustorage";
import s3 from "rustorage/drivers/s3";
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import {
  afterAll,
  afterEach,
  beforeEach,
  describe,
  expect,
  onTestFinished,
  test,
  vi,
} from "vitest";
import { serveAnswers } from "../../servers/answers.js";
import { OPTIONS, createBucket, startMoto, startSeaweed } from "../../servers/s3.js";

const { accessKeyId, secretAccessKey, region } = OPTIONS;
const server = await startSeaweed();
afterAll(() => server.stop());
const place = { endpoint: server.endpoint, bucket: "items" };
await createBucket({ ...OPTIONS, ...place });

function temporary() {
  const folder = mkdtempSync(join(tmpdir(), "rustorage-aws-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

describe("keys that are not given", () => {
  beforeEach(() => {
    for (const name of Object.keys(process.env)) if (name.startsWith("AWS_")) vi.stubEnv(name, "");
    vi.stubEnv("HOME", "/nowhere");
    vi.stubEnv("AWS_REGION", region);
    vi.stubEnv("AWS_EC2_METADATA_DISABLED", "true");
  });
  afterEach(() => vi.unstubAllEnvs());

  async function works(options = place) {
    const storage = createStorage({ driver: s3(options) });
    await storage.setItem("a", 1);
    expect(await storage.getItem("a")).toBe(1);
    expect(JSON.stringify(storage.getMount("").driver.options)).not.toContain(secretAccessKey);
  }

  test("are in the environment, which may be filled after the driver was made", async () => {
    vi.stubEnv("AWS_REGION", "");
    const storage = createStorage({ driver: s3({ bucket: "items" }) });
    await expect(storage.getItem("a")).rejects.toThrow("the option `region` is required");
    vi.stubEnv("AWS_DEFAULT_REGION", region);
    vi.stubEnv("AWS_ENDPOINT_URL", server.endpoint);
    vi.stubEnv("AWS_ACCESS_KEY_ID", accessKeyId);
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", secretAccessKey);
    await storage.setItem("a", 1);
    expect(await storage.getItem("a")).toBe(1);
  });

  test("are in a shared file, in the profile that is named", async () => {
    const home = temporary();
    mkdirSync(join(home, ".aws"));
    const keys = `aws_access_key_id = ${accessKeyId}\naws_secret_access_key = ${secretAccessKey}\n`;
    writeFileSync(join(home, ".aws/credentials"), `[default]\n# none\n[work]\n${keys}`);
    vi.stubEnv("HOME", home);
    vi.stubEnv("AWS_PROFILE", "work");
    await works();
  });

  const issued = (more) =>
    JSON.stringify({ AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey, ...more });
  const soon = new Date(Date.now() + 60_000).toISOString();
  const late = new Date(Date.now() + 3_600_000).toISOString();

  test("come from a container's endpoint, and once more when they end soon", async () => {
    let expiration = late;
    const { url, requests } = await serveAnswers((_, response) => {
      response.end(issued({ Expiration: expiration }));
    });
    vi.stubEnv("AWS_CONTAINER_CREDENTIALS_FULL_URI", `${url}/v2/keys`);
    const file = join(temporary(), "token");
    writeFileSync(file, "token-of-the-container\n");
    vi.stubEnv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", file);
    const storage = createStorage({ driver: s3(place) });
    await Promise.all(["a", "b", "c"].map((key) => storage.setItem(key, 1)));
    expect(requests.map(({ url: path }) => path)).toEqual(["/v2/keys"]);
    expect(requests[0].headers.authorization).toBe("token-of-the-container");
    expiration = soon;
    const other = createStorage({ driver: s3(place) });
    await other.getItem("a");
    await other.getItem("a");
    expect(requests).toHaveLength(3);
  });

  test("come from an instance's endpoint, which wants a token", async () => {
    const { url, requests } = await serveAnswers((request, response) => {
      const path = "/latest/meta-data/iam/security-credentials/";
      const known = request.headers["x-aws-ec2-metadata-token"] === "token-of-the-instance";
      if (request.method === "PUT") response.end("token-of-the-instance");
      else if (!known) response.writeHead(401).end();
      else if (request.url === path) response.end("role");
      else if (request.url === `${path}role`) response.end(issued({ Expiration: late }));
      else response.writeHead(404).end();
    });
    vi.stubEnv("AWS_EC2_METADATA_DISABLED", "false");
    vi.stubEnv("AWS_EC2_METADATA_SERVICE_ENDPOINT", url);
    await works();
    expect(requests[0].headers["x-aws-ec2-metadata-token-ttl-seconds"]).toBe("21600");
    expect(requests).toHaveLength(3);
  });

  test("that end soon are used until they end, where there are no others", async () => {
    let count = 0;
    const { url } = await serveAnswers((_, response) => {
      count += 1;
      if (count === 1) response.end(issued({ Expiration: soon }));
      else response.writeHead(400).end();
    });
    vi.stubEnv("AWS_CONTAINER_CREDENTIALS_FULL_URI", url);
    const storage = createStorage({ driver: s3(place) });
    expect(await storage.hasItem("none")).toBe(false);
    expect(await storage.hasItem("none")).toBe(false);
    expect(count).toBe(2);
  });

  test("are looked for once for all that wait", async () => {
    const { url, requests } = await serveAnswers(() => {});
    vi.stubEnv("AWS_EC2_METADATA_DISABLED", "false");
    vi.stubEnv("AWS_EC2_METADATA_SERVICE_ENDPOINT", url);
    const storage = createStorage({ driver: s3(place) });
    const calls = Array.from({ length: 20 }, (_, index) => storage.getItem(`k${index}`));
    for (const { reason } of await Promise.allSettled(calls)) {
      expect(reason).toMatchObject({ code: "UNAUTHORIZED" });
    }
    expect(requests).toHaveLength(1);
  });

  test("are nowhere", async () => {
    const storage = createStorage({ driver: s3(place) });
    await expect(storage.getItem("a")).rejects.toMatchObject({
      code: "UNAUTHORIZED",
      message: expect.stringContaining("there are no credentials"),
    });
    vi.stubEnv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://example.com/keys");
    const abroad = createStorage({ driver: s3(place) });
    await expect(abroad.getItem("a")).rejects.toThrow("must be https, or on this machine");
  });
});

test("a session's token goes along, signed", async () => {
  const { url, requests } = await serveAnswers((_, response) => response.end("1"));
  const storage = createStorage({
    driver: s3({ ...OPTIONS, sessionToken: "token", endpoint: url, bucket: "b" }),
  });
  expect(await storage.getItem("a")).toBe(1);
  const [{ headers, url: path }] = requests;
  expect(path).toBe("/b/a");
  expect(headers["x-amz-security-token"]).toBe("token");
  expect(headers.authorization).toContain(";x-amz-security-token,");
});

test("the bucket may stand in front of the host's name, and no proxy is asked for keys", async () => {
  const moto = await startMoto();
  onTestFinished(() => moto.stop());
  const program = fileURLToPath(new URL("program.js", import.meta.url));
  const container = await serveAnswers((_, response) => {
    response.end(JSON.stringify({ AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey }));
  });
  const env = {
    ...process.env,
    HOME: "/nowhere",
    HTTP_PROXY: moto.endpoint,
    NO_PROXY: "",
    AWS_CONTAINER_CREDENTIALS_FULL_URI: container.url,
  };
  const said = await new Promise((resolve, reject) => {
    execFile(process.execPath, [program], { env }, (error, stdout) =>
      error ? reject(error) : resolve(JSON.parse(stdout)),
    );
  });
  expect(said).toEqual([{ a: 1 }, ["a"]]);
});

test("a wrong key is refused, in the service's words and without the key", async () => {
  const storage = createStorage({
    driver: s3({ ...OPTIONS, ...place, secretAccessKey: "s3cret-guess" }),
  });
  for (const call of ["getItem", "setItem", "removeItem", "getKeys", "clear", "getItemRaw"]) {
    const error = await storage[call]("a", 1).catch((error) => error);
    expect(error).toMatchObject({ code: "FORBIDDEN", status: 403, driver: "s3" });
    expect(error.message).toContain("SignatureDoesNotMatch");
    expect(error.requestId).toBeTypeOf("string");
    expect(error.message).not.toContain("s3cret");
    expect(error.message).not.toContain(accessKeyId);
  }
});

test("a signature that a service echoes shows nowhere", async () => {
  const { url } = await serveAnswers(({ headers }, response) => {
    const message = `<Message>no ${headers.authorization}.</Message>`;
    response.writeHead(403).end(`${head}<Error><Code>AccessDenied</Code>${message}</Error>`);
  });
  const storage = createStorage({ driver: s3({ ...OPTIONS, endpoint: url, bucket: "b" }) });
  const error = await storage.getItem("a").catch((error) => error);
  expect(error.message).toContain("403 Forbidden: AccessDenied: no ***.");
});

test("a bucket that is not there is an error, and not a miss", async () => {
  const moto = await startMoto();
  onTestFinished(() => moto.stop());
  const storage = createStorage({
    driver: s3({ ...OPTIONS, endpoint: moto.endpoint, bucket: "no-such-bucket" }),
  });
  for (const call of [
    storage.getItem("a"),
    storage.setItem("a", 1),
    storage.getKeys(),
    storage.clear(),
  ]) {
    await expect(call).rejects.toMatchObject({
      code: "NOT_FOUND",
      status: 404,
      driver: "s3",
      message: expect.stringContaining("NoSuchBucket"),
    });
  }
});

const head = `<?xml version="1.0" encoding="UTF-8"?>`;
const begun = `${head}<InitiateMultipartUploadResult><UploadId>7</UploadId></InitiateMultipartUploadResult>`;
const listed = (names, more = "") =>
  `${head}<ListBucketResult>${names.map((name) => `<Contents><Key>${name}</Key></Contents>`).join("")}${more}</ListBucketResult>`;

test("an object whose name no path can have is removed by its name, and no other", async () => {
  const { url, requests } = await serveAnswers((request, response) => {
    if (request.method === "GET")
      response.end(listed(["a/../b", "c", "d//e", "f/&#1;".slice(0, 2)]));
    else if (request.method === "POST") response.end(`${head}<DeleteResult/>`);
    else response.writeHead(204).end();
  });
  const options = { ...OPTIONS, endpoint: url, bucket: "b", bulkDelete: false };
  await createStorage({ driver: s3(options) }).clear();
  const removed = requests.slice(1).map(({ method, url: path }) => `${method} ${path}`);
  expect(removed.sort()).toEqual([
    "DELETE /b/c",
    "DELETE /b/d//e",
    "DELETE /b/f/",
    "POST /b?delete=",
  ]);
  expect(String(requests.at(-1).body)).toContain("<Object><Key>a/../b</Key></Object></Delete>");
});

test("what a service leaves of many is told, with its key and without ours", async () => {
  const { url } = await serveAnswers((request, response) => {
    response.setHeader("x-amz-request-id", "7");
    if (request.method === "GET") response.end(listed(["a/c", "b/c"]));
    else {
      const message = `<Message>no ${secretAccessKey}</Message>`;
      const error = `<Error><Key>b/c</Key><Code>AccessDenied</Code>${message}</Error>`;
      response.end(`${head}<DeleteResult>${error}</DeleteResult>`);
    }
  });
  const storage = createStorage({ driver: s3({ ...OPTIONS, endpoint: url, bucket: "b" }) });
  await expect(storage.clear()).rejects.toMatchObject({
    code: "FORBIDDEN",
    key: "b:c",
    status: 200,
    requestId: "7",
    message: expect.stringContaining("an object was not removed: AccessDenied: no ***"),
  });
});

test.each([
  ["", "EPROTO"],
  ["<html/>", "EPROTO"],
  ["<DeleteResult>", "EPROTO"],
  ["<Error><Code>InternalError</Code></Error>", "UNAVAILABLE"],
])("many are not removed where the answer is %j", async (answer, code) => {
  const { url } = await serveAnswers((request, response) => {
    response.end(request.method === "GET" ? listed(["a"]) : answer);
  });
  const storage = createStorage({ driver: s3({ ...OPTIONS, endpoint: url, bucket: "b" }) });
  await expect(storage.clear()).rejects.toMatchObject({ code, status: 200 });
});

test("a condition holds for a value in parts, too, and a customer's key goes with each", async () => {
  const large = Buffer.alloc(17 << 20, 1);
  const real = createStorage({ driver: s3({ ...OPTIONS, ...place }) });
  await real.setItem("there", "before");
  const headers = { "if-none-match": "*" };
  await expect(real.setItemRaw("there", large, { headers })).rejects.toMatchObject({ status: 412 });
  expect(await real.getItem("there")).toBe("before");
  const { url, requests } = await serveAnswers((request, response) => {
    response.setHeader("etag", '"e"');
    if (request.url.endsWith("?uploads=")) response.end(begun);
    else response.end(`${head}<CompleteMultipartUploadResult/>`);
  });
  const storage = createStorage({ driver: s3({ ...OPTIONS, endpoint: url, bucket: "b" }) });
  const name = "x-amz-server-side-encryption-customer-key";
  await storage.setItemRaw("a", large, {
    headers: { ...headers, [name]: "key", "x-amz-acl": "a" },
  });
  expect(requests.map(({ headers: sent }) => sent[name])).toEqual(Array(5).fill("key"));
  expect(requests.map(({ headers: sent }) => sent["if-none-match"])).toEqual([
    ...Array(4).fill(undefined),
    "*",
  ]);
  expect(requests.filter(({ headers: sent }) => sent["x-amz-acl"])).toHaveLength(1);
});

test("a list that does not go on, or is none, is an error", async () => {
  const more = "<IsTruncated>true</IsTruncated><NextContinuationToken>same</NextContinuationToken>";
  for (const answers of [
    [listed(["a"], more)],
    [listed(["a"], more), listed(["a"], more.replace("same", "other"))],
    [listed(["a"], "<IsTruncated>true</IsTruncated>")],
    ["<html/>"],
    [""],
  ]) {
    const { url } = await serveAnswers((_, response, count) => {
      response.writeHead(200, { "x-amz-request-id": "7" }).end(answers[count % answers.length]);
    });
    const storage = createStorage({ driver: s3({ ...OPTIONS, endpoint: url, bucket: "b" }) });
    const error = { code: "EPROTO", status: 200, requestId: "7" };
    await expect(storage.getKeys()).rejects.toMatchObject(error);
  }
});

test("a list whose pages hold nothing ends, though each leads to another", async () => {
  const { url, requests } = await serveAnswers((_, response, count) => {
    const token = `<NextContinuationToken>${count}</NextContinuationToken>`;
    response.end(listed([], `<IsTruncated>true</IsTruncated>${token}`));
  });
  const storage = createStorage({ driver: s3({ ...OPTIONS, endpoint: url, bucket: "b" }) });
  await expect(storage.getKeys()).rejects.toMatchObject({ code: "EPROTO" });
  expect(requests).toHaveLength(1001);
});

test("an upload of which a part fails is given up when the parts under way have ended", async () => {
  const said = [];
  let refuse;
  const refused = new Promise((resolve) => (refuse = resolve));
  const { url } = await serveAnswers(async ({ method, url: path }, response) => {
    const part = new URL(path, url).searchParams.get("partNumber");
    if (part === "2") {
      response.on("close", refuse).writeHead(403).end();
    } else {
      if (part !== null) {
        await refused;
        await setTimeout(200);
      }
      response.setHeader("etag", '"e"').end(method === "POST" ? begun : "");
    }
    said.push(part ?? method);
  });
  const storage = createStorage({ driver: s3({ ...OPTIONS, endpoint: url, bucket: "b" }) });
  const failed = storage.setItemRaw("a", Buffer.alloc(25 << 20));
  await expect(failed).rejects.toMatchObject({ code: "FORBIDDEN", key: "a", status: 403 });
  expect([said[0], said[1], ...said.slice(2, -1).sort(), said.at(-1)]).toEqual([
    "POST",
    "2",
    ...["1", "3", "4"],
    "DELETE",
  ]);
});

test("a body that is empty says so, and null is one", async () => {
  const { url, requests } = await serveAnswers((_, response) => response.end());
  const storage = createStorage({ driver: s3({ ...OPTIONS, endpoint: url, bucket: "b" }) });
  await storage.setItem("a", "");
  await storage.setItemRaw("a", null);
  await storage.removeItem("a");
  const said = requests.map(({ method, headers, body }) => [
    method,
    headers["content-length"],
    body.length,
  ]);
  expect(said).toEqual([
    ["PUT", "0", 0],
    ["PUT", "0", 0],
    ["DELETE", undefined, 0],
  ]);
});

test("parts of a value that was not written whole are given back", async () => {
  const { url, requests } = await serveAnswers((request, response) => {
    if (request.url.endsWith("?uploads=")) {
      response.end(begun);
    } else if (request.method === "PUT") response.writeHead(200, { etag: '"e"' }).end();
    // S3 may say 200 before it knows.
    else if (request.method === "POST") {
      const refusal = `<Error><Code>InternalError</Code><Message>later</Message></Error>`;
      response.writeHead(200, { "x-amz-request-id": "7" }).end(`${head}${refusal}`);
    } else response.writeHead(204).end();
  });
  const storage = createStorage({ driver: s3({ ...OPTIONS, endpoint: url, bucket: "b" }) });
  const large = Buffer.alloc(17 << 20);
  await expect(storage.setItemRaw("a", large)).rejects.toMatchObject({
    code: "UNAVAILABLE",
    key: "a",
    status: 200,
    requestId: "7",
    message: expect.stringContaining("InternalError: later"),
  });
  const said = requests.map(({ method, url: path }) => `${method} ${path}`);
  expect(said.slice(1, 4).sort()).toEqual(
    [1, 2, 3].map((part) => `PUT /b/a?partNumber=${part}&uploadId=7`),
  );
  expect(said.at(-1)).toBe("DELETE /b/a?uploadId=7");
});

test.each([
  [{ endpoint: "http://host" }, "`bucket` is required"],
  [{ bucket: "b", region: "r", endpoint: "host" }, "`endpoint` must be a URL"],
  [{ bucket: "a/b", region: "r" }, "`bucket` must be a bucket's name"],
  [{ bucket: "b", region: "r/s" }, "`region` must be a region's name"],
  [
    { bucket: "b", region: "r", sessionToken: "a" },
    "`sessionToken` belongs to `accessKeyId` and `secretAccessKey`",
  ],
  [
    { bucket: "b", region: "r", accessKeyId: "a" },
    "`accessKeyId` and `secretAccessKey` belong together",
  ],
])("options %j are refused", async (options, cause) => {
  const driver = async () => s3({ region: "", ...options }).getItem("a");
  await expect(driver()).rejects.toThrow(cause);
});

test("an option that is none is refused, with the names of those that are", () => {
  const refused = () => s3({ bucket: "b", region: "r", environment: {} });
  expect(refused).toThrow(/unknown field `environment`, expected one of .*, `limits`$/);
});

test("the error of a driver that cannot be made names where it is mounted", async () => {
  onTestFinished(() => vi.unstubAllEnvs());
  vi.stubEnv("AWS_REGION", "");
  vi.stubEnv("AWS_DEFAULT_REGION", "");
  const storage = createStorage()
    .mount("far:away", s3({ bucket: "b" }))
    .mount("", s3({ bucket: "b" }));
  const refused = { code: "INVALID_OPTIONS", operation: "create" };
  await expect(storage.getItem("far:away:a")).rejects.toMatchObject({
    ...refused,
    key: "far:away",
  });
  const error = await storage.getItem("a").catch((reason) => reason);
  expect(error).toMatchObject(refused);
  expect(error.message).toMatch(/^\[rustorage\] \[s3\] create: the option `region`/);
});
