/** All cells, by the heading they stand under. */

/** By heading: the file in `cells/`. */
const GROUPS = {
  "memory: text": "memory-text",
  "memory: objects": "memory-objects",
  "memory: batches and lists": "memory-many",
  "memory: what should win least": "memory-hard",
  "lru-cache": "lru-cache",
  "javascript driver": "javascript-driver",
  tracing: "tracing",
  keys: "keys",
  fs: "fs",
  redis: "redis",
  http: "http",
  services: "services",
  server: "server",
  "import and heap": "processes",
};

/**
 * The groups with those cells whose heading and name hold `only`: `[title, cells]`, where a cell stands in `copies` once for
 * each library. Each copy is code of its own, as in an app, which uses one library: code that saw three of them would be
 * compiled for none, and its slowness be counted as theirs.
 */
export async function groups(only, libs) {
  const all = await Promise.all(
    Object.entries(GROUPS).map(async ([title, file]) => {
      const modules = await Promise.all(
        libs.map(({ name }) => import(`./cells/${file}.js?${encodeURIComponent(name)}`)),
      );
      const cells = modules[0].cells.map((cell, index) => ({
        ...cell,
        copies: modules.map(({ cells: copies }) => copies[index]),
      }));
      return [title, cells.filter(({ name }) => `${title}: ${name}`.includes(only))];
    }),
  );
  return all.filter(([, cells]) => cells.length > 0);
}
