//! The options of sqlite and db0.

use serde::{Deserialize, Serialize};

/// What a commit waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
#[serde(rename_all = "kebab-case")]
pub enum Sync {
    #[default]
    Full,
    Normal,
    None,
}

#[derive(Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct SqliteOptions {
    /// The database's file; relative to the working directory. It is made if it is not there, with its folder.
    #[cfg_attr(feature = "schema", schemars(extend("x-required" = true)))]
    pub path: String,
    /// The table that holds the items. It is made if it is not there.
    pub table_name: String,
    /// When a write is answered. `full` (the default): when it is on the disk. `normal`: when the system has it; the end of the
    /// system (not of the process) can undo the last commits. `none`: the same, and the end of the system can leave a file that
    /// cannot be read any more.
    #[cfg_attr(feature = "schema", schemars(extend("x-type" = "\"full\" | \"normal\" | \"none\"")))]
    pub sync: Sync,
    /// Milliseconds that a write waits for other processes which write.
    pub busy_timeout: u32,
    /// Writes, removals and clear do nothing, and neither the file nor the table is made.
    pub read_only: bool,
    /// Life of items that are written without a `ttl` of their own, in seconds; 0 for none.
    pub ttl: f64,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self {
            path: String::new(),
            table_name: "unstorage".into(),
            sync: Sync::Full,
            busy_timeout: 5000,
            read_only: false,
            ttl: 0.0,
        }
    }
}
