/** That docs/install.md says what to do about every code that an error can have. */
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** The text of all files under a folder, without the tests that Rust has beside its code. */
function sources(folder, extension) {
  return readdirSync(join(root, folder), { recursive: true })
    .filter((file) => file.endsWith(extension))
    .map((file) => readFileSync(join(root, folder, file), "utf8").split("#[cfg(test)]")[0])
    .join("\n");
}

function codes(text, pattern) {
  return [...text.matchAll(pattern)].map((match) => match[1]);
}

test("each code that can be thrown is in the table, and no other", () => {
  const thrown = new Set([
    ...codes(sources("js", ".js"), /(?:storageError|addonError)\(\s*"([A-Z_]+)"/g),
    ...codes(sources("js", ".js"), /\bcode: "([A-Z_]+)"/g),
    ...codes(sources("src", "error.rs"), /"([A-Z_]{3,})"/g),
    ...codes(sources("src/http", "failure.rs"), /"([A-Z_]{3,})"/g),
    ...codes(sources("src", ".rs"), /(?:Exhausted\(|Failure::new\()\s*"([A-Z_]+)"/g),
    ...codes(sources("src", ".rs"), /"((?:MDB|SQLITE)_[A-Z_]+)"/g),
  ]);
  const rows = readFileSync(join(root, "docs/install.md"), "utf8").match(/^\| `[A-Z].*$/gm);
  const listed = rows.flatMap((row) => codes(row.split(" | ")[0], /`([A-Z_]+)`/g));
  expect(listed.toSorted()).toEqual([...thrown].toSorted());
});

test("the codes of calls are in the types' documentation", () => {
  const documented = codes(readFileSync(join(root, "index.d.ts"), "utf8"), /`([A-Z]+_?[A-Z]+)`/g);
  const calls = codes(sources("js", ".js"), /storageError\(\s*"([A-Z_]+)"/g);
  expect(documented).toEqual(expect.arrayContaining([...new Set(calls)]));
});
