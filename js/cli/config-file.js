/** The file that `--config` names: a module's default export, or JSON. */
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { refuse } from "./refuse.js";

export function readConfig(file) {
  return file.endsWith(".json") ? readJson(file) : importModule(file);
}

async function readJson(file) {
  const text = await readFile(file, "utf8").catch((error) => unreadable(file, error.message));
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch (error) {
    return unreadable(file, `it is no JSON, ${whereOf(error, text)}`);
  }
}

async function importModule(file) {
  const { default: config } = await import(pathToFileURL(resolve(file)).href).catch((error) =>
    // What V8 did not expect it quotes, and that may be a secret.
    unreadable(file, error.message.replace(/(Unexpected \w+) ['"].*/s, "$1")),
  );
  if (config === undefined) refuse(`${file} has no default export`);
  return config;
}

/** Where JSON breaks off. V8's own message quotes what stands there, and that may be a secret. */
function whereOf(error, text) {
  const lines = text.slice(0, positionOf(error, text)).split("\n");
  return `at line ${lines.length}, column ${lines.at(-1).length + 1}`;
}

/** V8 tells no position of a token that it did not expect: it is the end of the shortest start that has it. */
function positionOf({ message }, text) {
  const told = / at position (\d+)/.exec(message);
  if (told) return Number(told[1]);
  // Whatever is longer than that has it, too.
  let [without, end] = [0, text.length];
  while (end - without > 1) {
    const middle = (without + end) >> 1;
    if (isUnexpected(text.slice(0, middle))) end = middle;
    else without = middle;
  }
  return isUnexpected(text.slice(0, end)) ? end - 1 : text.length;
}

function isUnexpected(text) {
  try {
    JSON.parse(text);
    return false;
  } catch ({ message }) {
    return message.startsWith("Unexpected token");
  }
}

function unreadable(file, cause) {
  return refuse(`${file} cannot be read: ${cause}`);
}
