/** What prints or logs a driver shows no secret of its options; who asks for one gets it, as in unstorage. */
import redis from "rustorage/drivers/redis";
import s3 from "rustorage/drivers/s3";
import { inspect } from "node:util";
import { expect, test } from "vitest";

const S3 = { accessKeyId: "id", endpoint: "http://localhost", bucket: "bucket", region: "auto" };
const TLS = { ca: undefined, servername: "named" };

test.each([
  ["password", redis, { port: 1, password: "s3cret" }],
  ["sentinelPassword", redis, { sentinels: [1], name: "a", sentinelPassword: "s3cret" }],
  ["url", redis, { url: "redis://user:s3cret@localhost" }],
  ["tls", redis, { tls: { ...TLS, servername: "s3cret" } }],
  ["secretAccessKey", s3, { ...S3, secretAccessKey: "s3cret" }],
  ["password", redis, { "rustorage:mount": "secret", password: "s3cret", base: "app" }],
])("%s of %o", (option, create, options) => {
  const driver = create(options);
  const shown = [inspect(driver, { depth: 9 }), JSON.stringify(driver), inspect(driver.options)];
  for (const text of shown) {
    expect(text).not.toContain("s3cret");
    expect(text).toContain("[redacted]");
  }
  expect(JSON.stringify(driver.options[option])).toContain("s3cret");
  expect(Object.keys(driver.options)).not.toContain("toJSON");
  expect(create(driver.options).options[option]).toEqual(driver.options[option]);
});

test("what is no secret is shown", () => {
  // Of a config, and so refused with the first call only.
  const cluster = ["redis://user:s3cret@localhost"];
  const driver = redis({ port: 1, base: "app", cluster, "rustorage:mount": "secret" });
  const shown = JSON.parse(JSON.stringify(driver.options));
  expect(shown).toMatchObject({ port: 1, base: "app", cluster: ["redis://[redacted]@localhost"] });
});
