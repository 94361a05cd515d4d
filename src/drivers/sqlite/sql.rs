//! The statements. The table is that of unstorage's db0 driver, and one more column.
//!
//! An item is in `value`, or in `blob` if setItemRaw wrote it; unstorage may leave one in each. `expires_at` is in milliseconds since
//! 1970, and counts only where `updated_at` has them as well: unstorage, which knows no expiry, writes whole seconds, so that what
//! it wrote anew does not expire.
//!
//! A table of unstorage's gets that column with the first item that expires. Until then reads find in its place what SQLite makes of a
//! name in double quotes that no column has, a text: it is larger than every number, so that nothing expires, and reads need not know
//! whether another process adds the column meanwhile.

/// The column of expiries, where it may be missing.
const EXPIRES_AT: &str = r#""expires_at""#;

/// The length of `updated_at` where we wrote it: `2026-11-26 09:30:00.123`.
const OURS: &str = "23";
const NOW: &str = "strftime('%Y-%m-%d %H:%M:%f', 'now')";

pub struct Sql {
    pub create: String,
    pub add_expiry: String,
    pub index_expiry: String,
    pub columns: String,
    pub has_expiry: String,
    pub has: String,
    pub get: String,
    pub get_raw: String,
    pub meta: String,
    pub expires: String,
    pub keys: String,
    pub keys_under: String,
    pub keys_that_live: String,
    pub keys_that_live_under: String,
    pub set: String,
    /// As `set`, in a table without expiries.
    pub set_endless: String,
    pub remove: String,
    pub void: String,
    pub sweep: String,
    pub next: String,
}

impl Sql {
    pub fn new(table: &str) -> Self {
        let name = quoted(table);
        let index = quoted(&format!("{table}_expires_at"));
        let lives =
            |now: &str| format!("({EXPIRES_AT} IS NULL OR {EXPIRES_AT} > {now} OR length(updated_at) < {OURS})");
        let get = |first: &str, second: &str| {
            // The length alone is known without reading the value.
            let length = format!("coalesce(octet_length({first}), octet_length({second}))");
            let value = format!("CASE WHEN {length} <= ?3 THEN coalesce({first}, {second}) END");
            format!("SELECT {length}, {value} FROM {name} WHERE key = ?1 AND {}", lives("?2"))
        };
        let moment = |column: &str| format!("CAST(round(unixepoch({column}, 'subsec') * 1000) AS INTEGER)");
        let under = "key >= ?1 AND key < ?2";
        Self {
            create: format!(
                "CREATE TABLE IF NOT EXISTS {name} (key TEXT PRIMARY KEY, value TEXT, blob BLOB, created_at TEXT DEFAULT \
                 CURRENT_TIMESTAMP, updated_at TEXT DEFAULT CURRENT_TIMESTAMP, expires_at INTEGER)"
            ),
            add_expiry: format!("ALTER TABLE {name} ADD COLUMN expires_at INTEGER"),
            index_expiry: format!(
                "CREATE INDEX IF NOT EXISTS {index} ON {name} (expires_at) WHERE expires_at IS NOT NULL"
            ),
            columns: format!("PRAGMA table_info({name})"),
            has_expiry: format!(
                "SELECT EXISTS (SELECT 1 FROM pragma_table_info('{}') WHERE name = 'expires_at')",
                table.replace('\'', "''")
            ),
            has: format!("SELECT EXISTS (SELECT 1 FROM {name} WHERE key = ?1 AND {})", lives("?2")),
            get: get("value", "blob"),
            get_raw: get("blob", "value"),
            meta: format!(
                "SELECT {}, {}, coalesce(octet_length(value), octet_length(blob)), CASE WHEN length(updated_at) < {OURS} \
                 OR typeof({EXPIRES_AT}) = 'text' THEN NULL ELSE {EXPIRES_AT} END FROM {name} WHERE key = ?1 AND {}",
                moment("created_at"),
                moment("updated_at"),
                lives("?2")
            ),
            // Numbers alone are smaller than the largest.
            expires: format!("SELECT EXISTS (SELECT 1 FROM {name} WHERE {EXPIRES_AT} < {})", i64::MAX),
            // The primary key's index alone answers these two.
            keys: format!("SELECT key FROM {name} ORDER BY key"),
            keys_under: format!("SELECT key FROM {name} WHERE {under} ORDER BY key"),
            keys_that_live: format!("SELECT key FROM {name} WHERE {} ORDER BY key", lives("?1")),
            keys_that_live_under: format!("SELECT key FROM {name} WHERE {under} AND {} ORDER BY key", lives("?3")),
            set: format!(
                "INSERT INTO {name} (key, value, blob, created_at, updated_at, expires_at) VALUES (?1, ?2, ?3, {NOW}, {NOW}, ?4) \
                 ON CONFLICT (key) DO UPDATE SET value = excluded.value, blob = excluded.blob, updated_at = excluded.updated_at, \
                 expires_at = excluded.expires_at"
            ),
            set_endless: format!(
                "INSERT INTO {name} (key, value, blob, created_at, updated_at) VALUES (?1, ?2, ?3, {NOW}, {NOW}) \
                 ON CONFLICT (key) DO UPDATE SET value = excluded.value, blob = excluded.blob, updated_at = excluded.updated_at"
            ),
            remove: format!("DELETE FROM {name} WHERE key = ?1"),
            void: format!("UPDATE {name} SET expires_at = NULL WHERE expires_at <= ?1 AND length(updated_at) < {OURS}"),
            sweep: format!("DELETE FROM {name} WHERE key IN (SELECT key FROM {name} WHERE expires_at <= ?1 LIMIT ?2)"),
            next: format!("SELECT min(expires_at) FROM {name} WHERE expires_at IS NOT NULL"),
        }
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
