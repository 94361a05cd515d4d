/** Options that others of the drivers take, and ours do without. */
import { isRecord } from "./runtime-options.js";

const warned = new Set();

/** The options without those of these names, of which one warning tells. */
export function withoutIneffective(driver, options, names) {
  if (!isRecord(options)) return options;
  const kept = { ...options };
  for (const name of names) {
    if (name in kept) warn(driver, name);
    delete kept[name];
  }
  return kept;
}

function warn(driver, name) {
  const warning = `the option \`${name}\` has no effect on the driver ${driver} here`;
  if (warned.has(warning)) return;
  warned.add(warning);
  process.emitWarning(warning, "RustorageWarning");
}
