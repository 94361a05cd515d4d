/** The loop around what is measured. Like the cells, it is imported once for each library. */

/** The milliseconds that `count` calls of `run` take, one after another. */
export async function time(run, start, count) {
  const started = performance.now();
  for (let index = start; index < start + count; index++) await run(index);
  return performance.now() - started;
}
