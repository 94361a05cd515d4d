import { expect, test } from "vitest";
import { exampleApp, run } from "../../scripts/app.js";

test("each call of the storage is a span under the one it was made in", () => {
  const output = run(["node", "app.js"], exampleApp("opentelemetry"));
  expect(output.trimEnd().split("\n")).toEqual([
    "GET /visits",
    "  getItem data:  (fs)",
    "  setItem data:  (fs)",
    "  getItems data:  (fs)",
    "  setItem data:  (fs)  FAILED: [unstorage] Cannot stringify value!",
  ]);
}, 300_000);
