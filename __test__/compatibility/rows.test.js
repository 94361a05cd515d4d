/** That each row of the table in docs/compatibility.md has a test of its name in this folder. */
import { readFileSync, readdirSync } from "node:fs";
import { expect, test } from "vitest";

const here = new URL(".", import.meta.url);

test("every row has its test, and every test its row", () => {
  const page = readFileSync(new URL("../../docs/compatibility.md", here), "utf8");
  const table = page.split("## Deliberate differences")[1].split("\n## ")[0];
  const rows = table.match(/^\| .*? \|/gm).map((row) => row.slice(2, -2).trim());
  const names = rows.slice(2).map((name) => name.replace(/ \*$/, ""));
  const sources = readdirSync(here)
    .filter((name) => name.endsWith(".test.js") && name !== "rows.test.js")
    .map((name) => readFileSync(new URL(name, here), "utf8"));
  const tests = sources.flatMap((source) =>
    Array.from(source.matchAll(/^test\("(.*?)",/gm), ([, name]) => name),
  );
  expect(names.length).toBeGreaterThan(15);
  expect(tests.sort()).toEqual(names.sort());
});
