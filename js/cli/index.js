#!/usr/bin/env node
/** `npx rustorage`: docs/cli.md tells of it. */
import { createRequire } from "node:module";
import { parseArgs } from "node:util";
import { COMMANDS } from "./commands.js";

const manifest = createRequire(import.meta.url)("../../package.json");

const USAGE = `Usage: rustorage COMMAND …

${Object.values(COMMANDS)
  .map(({ usage }) => `  ${usage}`)
  .join("\n")}

A LOCATION is a driver's URL (fs:./data, lmdb:./items.lmdb, sqlite:./db.sqlite?tableName=items, redis://localhost:6379,
https://host/base, s3:?bucket=…), or mount:NAME with --config FILE.

  --config FILE   a module or JSON file with the config that defineStorage takes
  --json          print JSON
  --version       print the version
`;

/** How an option is given, but for those that every command knows. */
const OPTIONS = {
  all: { type: "boolean" },
  base: { type: "string" },
  "dry-run": { type: "boolean" },
  ttl: { type: "string" },
};

const COMMON = {
  config: { type: "string" },
  help: { type: "boolean", short: "h" },
  json: { type: "boolean" },
  version: { type: "boolean", short: "v" },
};

class UsageError extends Error {
  constructor(cause, usage = `\n${USAGE}`) {
    super(`${cause === "" ? "" : `${cause}\n`}${usage}`);
  }
}

// Who reads has read enough, as `head` does: there is nobody to tell, and what was begun is ended.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error) => {
    if (error.code !== "EPIPE") throw error;
  });
}

main().catch((error) => {
  const isUsage = error instanceof UsageError;
  process.stderr.write(isUsage ? error.message : `${error.message}\n`);
  process.exitCode = isUsage ? 2 : 1;
  if (!process.argv.includes("--json")) return;
  const told = { code: isUsage ? "USAGE" : error.code, message: error.message };
  process.stdout.write(`${JSON.stringify({ error: told })}\n`);
});

async function main() {
  const { values, positionals } = parse();
  const [name, ...given] = positionals;
  if (values.help) {
    process.stdout.write(USAGE);
    return;
  }
  if (values.version) {
    process.stdout.write(`${manifest.version}\n`);
    return;
  }
  if (name === undefined) throw new UsageError("", USAGE);
  if (!Object.hasOwn(COMMANDS, name)) throw new UsageError(`There is no command ${name}`);
  const command = COMMANDS[name];
  check(command, given, values);
  const { json, text, bytes, failed } = await command.run(given, withNumbers(values));
  const output = values.json
    ? `${JSON.stringify(json)}\n`
    : (bytes ?? (text === "" ? "" : `${text}\n`));
  (failed && !values.json ? process.stderr : process.stdout).write(output);
  if (failed) process.exitCode = 1;
}

function parse() {
  try {
    return parseArgs({
      args: joined(process.argv.slice(2)),
      allowPositionals: true,
      options: { ...OPTIONS, ...COMMON },
    });
  } catch (error) {
    if (!error.code?.startsWith("ERR_PARSE_ARGS_")) throw error;
    throw new UsageError(error.message);
  }
}

/** A number below 0 looks like an option: it is joined to the one that it belongs to. */
function joined(args) {
  const at = args.findIndex((arg, index) => arg === "--ttl" && /^-[\d.]/.test(args[index + 1]));
  // After `--` nothing is an option.
  return at < 0 || args.slice(0, at).includes("--")
    ? args
    : args.toSpliced(at, 2, `--ttl=${args[at + 1]}`);
}

/** What a command does not take is refused, and not passed over: it was meant to do something. */
function check({ usage, count, options, refuses }, given, values) {
  const [least, most] = typeof count === "function" ? count(values) : count;
  const words = `Usage: rustorage ${usage}\n`;
  if (given.length < least) throw new UsageError("", words);
  if (given.length > most) throw new UsageError(`Too many arguments: ${given[most]}`, words);
  const unknown = Object.keys(values).find(
    (option) => !Object.hasOwn(COMMON, option) && !options.includes(option),
  );
  if (unknown !== undefined) throw new UsageError(`It takes no --${unknown}`, words);
  const refused = refuses?.(values);
  if (refused !== undefined) throw new UsageError(refused, words);
}

function withNumbers({ ttl: text, ...values }) {
  if (text === undefined) return values;
  const ttl = Number(text);
  if (text.trim() === "" || Number.isNaN(ttl)) {
    throw new UsageError("--ttl takes a number of seconds");
  }
  return { ...values, ttl };
}
