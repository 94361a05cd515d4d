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
    // By bytes, so that the index finds what LIKE asks for.
    'key VARCHAR(255) COLLATE "C" NOT NULL PRIMARY KEY',
    "value TEXT",
    "blob BYTEA",
    "created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP",
    "updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP",
  ],
  mysql: [
    // To the usual collation `a` and `A` are one key.
    "`key` VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL PRIMARY KEY",
    "`value` LONGTEXT CHARACTER SET utf8mb4",
    "`blob` LONGBLOB",
    "created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP",
    "updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP",
  ],
};

/** Keys under a base where they are in the order of their bytes, up to the first that comes after all of them. */
const RANGE = {
  condition: (key) => `${key} >= ? AND ${key} < ?`,
  parameters: (base) => [base, after(base)],
};

/** To SQLite bytes come after every text. */
const LAST = new Uint8Array(1);

/** The first text after all that begin with the base. */
function after(base) {
  const characters = Array.from(base);
  while (characters.at(-1) === "\u{10FFFF}") characters.pop();
  if (characters.length === 0) return LAST;
  const next = characters.pop().codePointAt(0) + 1;
  // In UTF-8, surrogates are no characters.
  return characters.join("") + String.fromCodePoint(next === 0xd800 ? 0xe000 : next);
}

/** The same with LIKE. Case may not count for it: what it finds is looked at again. */
const LIKE = {
  // Another escape than `\`, which the dialects read in different ways.
  condition: (key) => `${key} LIKE ? ESCAPE '!'`,
  parameters: (base) => [`${base.replace(/[!%_]/g, "!$&")}%`],
};

const SQLITE = {
  quote: doubled('"'),
  now: NOW_IN_MILLISECONDS,
  ttl: true,
  keysUnder: RANGE,
  moment: (column) => column,
};

/**
 * By the dialect's name: what differs. `moment`: how a timestamp is read. Servers give milliseconds since 1970, as their clients take what has
 * no zone for the process's own; SQLite gives its text.
 */
const DIALECTS = {
  sqlite: SQLITE,
  libsql: SQLITE,
  postgresql: {
    quote: doubled('"'),
    now: "CURRENT_TIMESTAMP",
    ttl: false,
    keysUnder: LIKE,
    // It was written in the session's zone, and is read in it.
    moment: (column) =>
      `CAST(EXTRACT(EPOCH FROM CAST(${column} AS TIMESTAMPTZ)) * 1000 AS DOUBLE PRECISION)`,
  },
  mysql: {
    quote: doubled("`"),
    now: "CURRENT_TIMESTAMP",
    ttl: false,
    keysUnder: LIKE,
    moment: (column) => `CAST(UNIX_TIMESTAMP(${column}) * 1000 AS UNSIGNED)`,
  },
};

/** What makes a table ready; undefined for a dialect that nobody knows. `ttl`: the dialect's tables can have a column of expiries. */
export function tables(dialect, tableName) {
  if (!Object.hasOwn(DIALECTS, dialect)) return undefined;
  const { quote, ttl } = DIALECTS[dialect];
  const table = quote(tableName);
  return {
    ttl,
    create: `CREATE TABLE IF NOT EXISTS ${table} (${columnsOf(dialect).join(", ")})`,
    columns: "SELECT name FROM pragma_table_info(?)",
    addExpiry: `ALTER TABLE ${table} ADD COLUMN expires_at INTEGER`,
    indexExpiry: `CREATE INDEX IF NOT EXISTS ${quote(`${tableName}_expires_at`)} ON ${table} (expires_at) WHERE expires_at IS NOT NULL`,
  };
}

function columnsOf(dialect) {
  return COLUMNS[dialect === "libsql" ? "sqlite" : dialect];
}

/** The statements for a table that has a column of expiries, with `ttl`, or has none. */
export function statements(dialect, tableName, ttl) {
  const { quote, now, keysUnder, moment } = DIALECTS[dialect];
  const table = quote(tableName);
  const [key, value, blob] = ["key", "value", "blob"].map(quote);
  const lives = `(expires_at IS NULL OR expires_at > ? OR length(updated_at) < ${LENGTH_OF_OURS})`;
  const where = (condition) => `WHERE ${condition}${ttl ? ` AND ${lives}` : ""}`;
  const named = [key, value, blob, "created_at", "updated_at", ...(ttl ? ["expires_at"] : [])];
  const changed = [value, blob, "updated_at", ...(ttl ? ["expires_at"] : [])];
  const upsert =
    dialect === "mysql"
      ? `ON DUPLICATE KEY UPDATE ${changed.map((name) => `${name} = VALUES(${name})`).join(", ")}`
      : `ON CONFLICT (${key}) DO UPDATE SET ${changed.map((name) => `${name} = excluded.${name}`).join(", ")}`;
  const meta = ["created_at", "updated_at"].map((column) => `${moment(column)} AS ${column}`);
  if (ttl) {
    meta.push(
      `CASE WHEN length(updated_at) >= ${LENGTH_OF_OURS} THEN expires_at END AS expires_at`,
    );
  }
  const row = `(?, ?, ?, ${now}, ${now}${ttl ? ", ?" : ""})`;
  return {
    ttl,
    has: `SELECT 1 AS ${value} FROM ${table} ${where(`${key} = ?`)}`,
    get: `SELECT ${value}, ${blob} FROM ${table} ${where(`${key} = ?`)}`,
    getMany: (count) =>
      `SELECT ${key}, ${value}, ${blob} FROM ${table} ${where(`${key} IN (${Array(count).fill("?").join(", ")})`)}`,
    set: (count) =>
      `INSERT INTO ${table} (${named.join(", ")}) VALUES ${Array(count).fill(row).join(", ")} ${upsert}`,
    remove: `DELETE FROM ${table} WHERE ${key} = ?`,
    meta: `SELECT ${meta.join(", ")} FROM ${table} ${where(`${key} = ?`)}`,
    keys: `SELECT ${key} FROM ${table} ${where(keysUnder.condition(key))}`,
    /** The parameters of `keys`. */
    under: keysUnder.parameters,
    clear: `DELETE FROM ${table}`,
    sweep: `DELETE FROM ${table} WHERE expires_at <= ? AND length(updated_at) >= ${LENGTH_OF_OURS}`,
  };
}
