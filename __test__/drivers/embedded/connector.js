/** db0's connector of SQLite: Node's own where there is one, else, on Node 20, libSQL's. */
export const hasSqlite = process.getBuiltinModule?.("node:sqlite") !== undefined;
const { default: connect } = await import(
  hasSqlite ? "db0/connectors/node-sqlite" : "db0/connectors/libsql/node"
);

/** A connector to the file, or to a database in memory. */
export default function sqliteConnector(path) {
  if (!hasSqlite) return connect({ url: path ? `file:${path}` : ":memory:" });
  return connect(path ? { path } : { name: ":memory:" });
}
