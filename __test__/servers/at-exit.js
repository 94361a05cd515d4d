/** What ends with the test's process: a server outlives a process that ended before it stopped the server. */
const ends = new Set();

process.once("exit", () => {
  for (const end of ends) end();
});
// The end of a worker of vitest is a signal, which no listener of "exit" hears of.
process.once("SIGTERM", () => process.exit(143));

/** Calls `end` when the process ends, unless what comes back was called before. */
export function atExit(end) {
  ends.add(end);
  return () => ends.delete(end);
}
