//! The options of lmdb.

use serde::{Deserialize, Serialize};

/// What a commit waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
#[serde(rename_all = "kebab-case")]
pub enum Sync {
    #[default]
    Full,
    NoMeta,
    None,
}

#[derive(Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct LmdbOptions {
    /// The database's file; relative to the working directory. It is made if it is not there, with its folder, and a file of
    /// the same name with `-lock` at its end beside it.
    #[cfg_attr(feature = "schema", schemars(extend("x-required" = true)))]
    pub path: String,
    /// When a write is answered. `full` (the default): when it is on the disk. `no-meta`: when its pages are, but perhaps not
    /// what makes them count; the end of the system (not of the process) can undo the last commit. `none`: when the system has
    /// it; the end of the system can leave a file that cannot be read any more.
    #[cfg_attr(feature = "schema", schemars(extend("x-type" = "\"full\" | \"no-meta\" | \"none\"")))]
    pub sync: Sync,
    /// Bytes of address space to begin with. It grows by itself, and takes no room on the disk.
    pub map_size: u64,
    /// Writes, removals and clear do nothing, and the file is not made.
    pub read_only: bool,
    /// Life of items that are written without a `ttl` of their own, in seconds; 0 for none.
    pub ttl: f64,
}

impl Default for LmdbOptions {
    fn default() -> Self {
        Self { path: String::new(), sync: Sync::Full, map_size: 1 << 30, read_only: false, ttl: 0.0 }
    }
}
