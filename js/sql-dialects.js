/** The statements of each SQL dialect that db0 knows, over the table of unstorage's db0 driver. */

/** What SQLite and libSQL write into `updated_at`: with milliseconds, beside which alone `expires_at` counts. src/drivers/sqlite/sql.rs says why. */
const NOW_IN_MILLISECONDS = "strftime('%Y-%m-%d %H:%M:%f', 'now')";
const LENGTH_OF_OURS = 23;

const doubled = (quote) => (name) => `${quote}${name.replaceAll(quote, quote + quote)}${quote}`;

const COLUMNS = {
  sqlite: [
    "key TEXT PRIMARY KEY",
    "value TEXT",
    "blob BLOB",
    "created_at TEXT DEFAULT CURRENT_TIMESTAMP",
    "updated_at TEXT DEFAULT CURRENT_TIMESTAMP",
    "expires_at INTEGER",
  ],
  postgresql: [
    "key VARCHAR(255) NOT NULL PRIMARY KEY",
    "value TEXT",
    "blob BYTEA",
    "created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP",
    "updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP",
  ],
  mysql: [
    "`key` VARCHAR(255) NOT NULL PRIMARY KEY",
    "`value` LONGTEXT",
    "`blob` BLOB",
    "created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP",
    "updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP",
  ],
};

/** By the dialect's name: what differs. */
const DIALECTS = {
  sqlite: { quote: doubled('"'), now: NOW_IN_MILLISECONDS, ttl: true },
  libsql: { quote: doubled('"'), now: NOW_IN_MILLISECONDS, ttl: true },
  postgresql: { quote: doubled('"'), now: "CURRENT_TIMESTAMP", ttl: false },
  mysql: { quote: doubled("`"), now: "CURRENT_TIMESTAMP", ttl: false },
};

/** The statements for a table; undefined for a dialect that nobody knows. */
export function statements(dialect, tableName) {
  if (!Object.hasOwn(DIALECTS, dialect)) return undefined;
  const { quote, now, ttl } = DIALECTS[dialect];
  const table = quote(tableName);
  const [key, value, blob] = ["key", "value", "blob"].map(quote);
  const columns = COLUMNS[dialect === "libsql" ? "sqlite" : dialect];
  const lives = `(expires_at IS NULL OR expires_at > ? OR length(updated_at) < ${LENGTH_OF_OURS})`;
  const where = (condition) => `WHERE ${condition}${ttl ? ` AND ${lives}` : ""}`;
  const named = [key, value, blob, "created_at", "updated_at", ...(ttl ? ["expires_at"] : [])];
  const changed = [value, blob, "updated_at", ...(ttl ? ["expires_at"] : [])];
  const upsert =
    dialect === "mysql"
      ? `ON DUPLICATE KEY UPDATE ${changed.map((name) => `${name} = VALUES(${name})`).join(", ")}`
      : `ON CONFLICT (${key}) DO UPDATE SET ${changed.map((name) => `${name} = excluded.${name}`).join(", ")}`;
  const row = `(?, ?, ?, ${now}, ${now}${ttl ? ", ?" : ""})`;
  return {
    ttl,
    create: [`CREATE TABLE IF NOT EXISTS ${table} (${columns.join(", ")})`],
    /** What a table of unstorage's still lacks. */
    columns: ttl ? `SELECT name FROM pragma_table_info(?)` : undefined,
    addExpiry: `ALTER TABLE ${table} ADD COLUMN expires_at INTEGER`,
    indexExpiry: `CREATE INDEX IF NOT EXISTS ${quote(`${tableName}_expires_at`)} ON ${table} (expires_at) WHERE expires_at IS NOT NULL`,
    has: `SELECT 1 AS ${value} FROM ${table} ${where(`${key} = ?`)}`,
    get: `SELECT ${value}, ${blob} FROM ${table} ${where(`${key} = ?`)}`,
    getMany: (count) =>
      `SELECT ${key}, ${value}, ${blob} FROM ${table} ${where(`${key} IN (${Array(count).fill("?").join(", ")})`)}`,
    set: (count) =>
      `INSERT INTO ${table} (${named.join(", ")}) VALUES ${Array(count).fill(row).join(", ")} ${upsert}`,
    remove: `DELETE FROM ${table} WHERE ${key} = ?`,
    meta: `SELECT created_at, updated_at FROM ${table} ${where(`${key} = ?`)}`,
    // Another escape than `\`, which the dialects read in different ways.
    keys: `SELECT ${key} FROM ${table} ${where(`${key} LIKE ? ESCAPE '!'`)}`,
    clear: `DELETE FROM ${table}`,
    sweep: `DELETE FROM ${table} WHERE expires_at <= ? AND length(updated_at) >= ${LENGTH_OF_OURS}`,
  };
}

/** What LIKE finds a base's keys with. Case may not count for it: what it finds is looked at again. */
export function pattern(base) {
  return `${base.replace(/[!%_]/g, "!$&")}%`;
}
