//! Items in a file of LMDB, which all processes of a machine may use at once.

mod databases;
mod environment;
mod failure;
mod files;
mod gate;
#[cfg(target_os = "linux")]
mod hold;
mod inspect;
mod items;
mod layout;
mod options;
mod snapshots;
mod transaction;

use environment::{Environment, Settings};
pub use options::LmdbOptions;

use super::embedded::{Embedded, Usage};
use crate::error::StorageError;

pub type Lmdb = Embedded<Environment>;

pub fn create(options: &LmdbOptions) -> Result<Lmdb, StorageError> {
    let settings = Settings {
        sync: options.sync,
        read_only: options.read_only,
        map_size: usize::try_from(options.map_size).unwrap_or(usize::MAX),
    };
    let usage = Usage { ttl: options.ttl * 1000.0, read_only: options.read_only };
    Embedded::new("lmdb", &options.path, "", settings, usage)
}
