/** Runs the cells under the Node that runs this, and sends the results to the parent process. */
import { groups } from "./groups.js";
import { PACKAGES, load } from "./libraries.js";
import { measure } from "./measure.js";

const [rounds, only] = process.argv.slice(2);
const libs = [];
for (const name of Object.keys(PACKAGES)) libs.push(await load(name));

const results = [];
for (const [title, cells] of await groups(only, libs)) {
  const measured = [];
  for (const cell of cells) {
    progress(`${process.version}  ${title}: ${cell.name}`);
    const { name, unit, bar, aim } = cell;
    measured.push({ name, unit, bar, aim, ...(await measure(cell, libs, Number(rounds))) });
  }
  results.push({ title, cells: measured });
}
progress("");
// The clients of servers would keep the process alive.
process.send({ version: process.version, groups: results }, () => process.exit());

/** Shows what is measured, in one line that the next one replaces. */
function progress(line) {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${line}`);
}
