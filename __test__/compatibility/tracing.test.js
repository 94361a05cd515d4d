/** Where tracing differs from unstorage's on purpose. */
import { createStorage } from "rustorage";
import memory from "rustorage/drivers/memory";
import { withTracing } from "rustorage/tracing";
import { tracingChannel } from "node:diagnostics_channel";
import * as unstorage from "unstorage";
import { withTracing as withTheirTracing } from "unstorage/tracing";
import { expect, onTestFinished, test } from "vitest";
import { mapDriver } from "../conformance/map-driver.js";

test("traces hold no secrets", async () => {
  const driver = { ...mapDriver(), options: { token: "s3cret", ttl: 60 } };
  const channel = tracingChannel("unstorage.hasItem");
  const heard = [];
  const start = (context) => heard.push(context.driver.options);
  channel.subscribe({ start });
  onTestFinished(() => channel.unsubscribe({ start }));
  await withTracing(createStorage({ driver })).hasItem("a");
  await withTheirTracing(createStorage({ driver })).hasItem("a");
  expect(heard).toEqual([
    { token: "[redacted]", ttl: 60 },
    { token: "s3cret", ttl: 60 },
  ]);
});

test("a traced storage's mount gives the traced storage", () => {
  const ours = withTracing(createStorage());
  expect(ours.mount("a", memory())).toBe(ours);
  const theirs = withTheirTracing(unstorage.createStorage());
  expect(theirs.mount("a", memory()).__traced).toBe(undefined);
});
