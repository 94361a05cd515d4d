#!/usr/bin/env node
/** `npx rustorage`: docs/cli.md tells of it. */
import { parseArgs } from "node:util";
import { COMMANDS } from "./commands.js";

const USAGE = `Usage: rustorage COMMAND …

${Object.values(COMMANDS)
  .map(({ usage }) => `  ${usage}`)
  .join("\n")}

A LOCATION is a driver's URL (fs:./data, lmdb:./items.lmdb, sqlite:./db.sqlite?tableName=items, redis://localhost:6379,
https://host/base, s3:?bucket=…), or mount:NAME with --config FILE.

  --config FILE   a module or JSON file with the config that defineStorage takes
  --json          print JSON
`;

main().catch((error) => {
  const isUsage = error.code?.startsWith("ERR_PARSE_ARGS_");
  process.stderr.write(`${error.message}\n${isUsage ? `\n${USAGE}` : ""}`);
  process.exitCode = isUsage ? 2 : 1;
});

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      base: { type: "string" },
      config: { type: "string" },
      "dry-run": { type: "boolean" },
      help: { type: "boolean", short: "h" },
      json: { type: "boolean" },
      ttl: { type: "string" },
    },
  });
  const [name, ...given] = positionals;
  const command = Object.hasOwn(COMMANDS, name ?? "") ? COMMANDS[name] : undefined;
  if (values.help) {
    process.stdout.write(USAGE);
    return;
  }
  if (command === undefined || given.length < command.count) {
    process.stderr.write(command ? `Usage: rustorage ${command.usage}\n` : USAGE);
    process.exitCode = 2;
    return;
  }
  const { json, text, bytes, failed } = await command.run(given, values);
  const output = values.json
    ? `${JSON.stringify(json)}\n`
    : (bytes ?? (text === "" ? "" : `${text}\n`));
  (failed && !values.json ? process.stderr : process.stdout).write(output);
  if (failed) process.exitCode = 1;
}
