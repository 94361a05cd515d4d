/**
 * Compares ours with both unstorage versions under Node 20 and 24, prints the tables and writes docs/performance.md.
 *
 *   --only TEXT    the cells whose heading and name hold the text
 *   --rounds N     other than 9
 *   --here         under this Node alone
 *   --write        write the page although an option above leaves something out
 */
import { fork } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { fileURLToPath } from "node:url";
import { PACKAGES } from "./libraries.js";
import { page, table } from "./report.js";

const { values } = parseArgs({
  options: {
    only: { type: "string", default: "" },
    rounds: { type: "string", default: "9" },
    here: { type: "boolean", default: false },
    write: { type: "boolean", default: false },
  },
});

const path = (relative) => fileURLToPath(new URL(`../${relative}`, import.meta.url));
const nodes = [process.execPath, ...(values.here ? [] : [path("node_modules/node24/bin/node")])];

const runs = [];
for (const node of nodes) {
  const run = await runUnder(node);
  runs.push(run);
  for (const group of run.groups) {
    console.log(`\nNode ${run.version.slice(1)}, ${group.title}\n\n${table(group)}`);
  }
}

const whole = values.only === "" && values.rounds === "9" && !values.here;
if (whole || values.write) writeFileSync(path("docs/performance.md"), page(runs, circumstances()));

function runUnder(execPath) {
  return new Promise((resolve, reject) => {
    const child = fork(path("bench/run.js"), [values.rounds, values.only], {
      execPath,
      // unstorage 2 warns of a function of Node that it uses.
      execArgv: ["--expose-gc", "--disable-warning=ExperimentalWarning"],
    });
    let results;
    child.on("message", (message) => (results = message));
    child.on("error", reject);
    child.on("exit", (code) =>
      results ? resolve(results) : reject(new Error(`the run ended with ${code}`)),
    );
  });
}

function circumstances() {
  const [{ model }, ...more] = cpus();
  return {
    rounds: values.rounds,
    machine: `${model.trim()}, ${more.length + 1} cores, ${process.platform} ${process.arch}`,
    versions: Object.values(PACKAGES).map(versionOf),
  };
}

function versionOf(name) {
  const file = name === "rustorage" ? "package.json" : `node_modules/${name}/package.json`;
  const manifest = JSON.parse(readFileSync(path(file), "utf8"));
  return `${manifest.name} ${manifest.version}`;
}
