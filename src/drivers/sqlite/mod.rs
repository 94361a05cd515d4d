//! Items in a table of a SQLite file, as unstorage's db0 driver makes it.

mod connection;
mod failure;
mod options;
mod readers;
mod rows;
mod sql;
mod table;

pub use options::SqliteOptions;
use table::{Settings, Table};

use super::{
    embedded::{Embedded, Usage},
    invalid,
};
use crate::error::StorageError;

pub type Sqlite = Embedded<Table>;

pub fn create(name: &'static str, options: SqliteOptions) -> Result<Sqlite, StorageError> {
    if options.table_name.is_empty() || options.table_name.contains('\0') {
        return Err(invalid(name, "the option `tableName` must be the name of a table".into()));
    }
    let usage = Usage { ttl: options.ttl * 1000.0, read_only: options.read_only };
    // To SQLite, names that differ in the case of ASCII's letters are one.
    let part = options.table_name.to_ascii_lowercase();
    let settings = Settings {
        table: options.table_name,
        sync: options.sync,
        busy_timeout: options.busy_timeout,
        read_only: options.read_only,
    };
    Embedded::new(name, &options.path, &part, settings, usage)
}
