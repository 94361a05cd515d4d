//! How connections are opened.

use std::{
    ffi::{OsStr, OsString},
    fs::{self, File},
    io,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use rusqlite::{Connection, ErrorCode, OpenFlags, config::DbConfig};

use super::{failure::failure, options::Sync, sql::Sql};
use crate::{
    drivers::embedded::{check_regular, for_everyone, is_read_only_disk},
    error::Failure,
};

/// One statement of each kind is kept prepared.
const STATEMENTS: usize = 32;

/// Between two looks at whether others have opened the file.
const PAUSE: Duration = Duration::from_millis(2);

/// `settled`: the file cannot change.
pub fn for_reading(path: &Path, settled: bool) -> Result<Connection, Failure> {
    let connection = if settled {
        open(path, &immutable(path), OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI)?
    } else {
        open(path, path.as_os_str(), OpenFlags::SQLITE_OPEN_READ_ONLY)?
    };
    connection.busy_timeout(Duration::ZERO).map_err(|error| failure(&error))?;
    Ok(connection)
}

/// Makes the file, if it is not there.
pub fn for_writing(path: &Path, sync: Sync, patience: Duration) -> Result<Connection, Failure> {
    make(path)?;
    let connection = open(path, path.as_os_str(), OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let started = Instant::now();
    let set_up = || {
        connection.busy_timeout(patience)?;
        // SQLite does not wait by itself for others that open the file just now.
        while let Err(error) = connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(())) {
            if error.sqlite_error_code() != Some(ErrorCode::DatabaseBusy) || started.elapsed() > patience {
                return Err(error);
            }
            thread::sleep(PAUSE);
        }
        let sync = match sync {
            Sync::Full => "FULL",
            Sync::Normal => "NORMAL",
            Sync::None => "OFF",
        };
        connection.pragma_update(None, "synchronous", sync)
    };
    set_up().map_err(|error| failure(&error))?;
    Ok(connection)
}

/// Whether the file lies on a disk where nothing changes, with all that belongs to it: a log beside it would have to be read as well.
pub fn is_settled(path: &Path) -> bool {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    is_read_only_disk(path.parent().unwrap_or(path)) && fs::metadata(log).map_or(true, |log| log.len() == 0)
}

/// The name by which SQLite opens the file without locks, and without the files that it would make beside it.
fn immutable(path: &Path) -> OsString {
    let path = percent_encode(path.as_os_str().as_encoded_bytes(), NON_ALPHANUMERIC);
    format!("file:{path}?immutable=1").into()
}

fn open(path: &Path, name: &OsStr, flags: OpenFlags) -> Result<Connection, Failure> {
    // The system's reason says more than SQLite's.
    fs::metadata(path).map_err(|error| Failure::of_system("the database", &error))?;
    let connection =
        Connection::open_with_flags(name, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX).map_err(|error| failure(&error))?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // What sql.rs makes of a column that is missing.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, true).map_err(|error| failure(&error))?;
    Ok(connection)
}

/// An empty file is a database to SQLite.
fn make(path: &Path) -> Result<(), Failure> {
    match for_everyone(File::options().write(true).create_new(true)).open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => check_file(path),
        Err(error) => Err(Failure::of_system("the database", &error)),
    }
}

/// Refuses what is no file, or several. It is not opened here: closing it again would take the locks away that this process has on it.
pub fn check_file(path: &Path) -> Result<(), Failure> {
    let metadata = fs::metadata(path).map_err(|error| Failure::of_system("the database", &error))?;
    check_regular(&metadata)
}

/// Makes the table if there is none, and refuses another program's. Whether it has a column for expiries.
pub fn prepare_table(connection: &Connection, sql: &Sql, read_only: bool) -> Result<bool, Failure> {
    let columns = || {
        let mut statement = connection.prepare(&sql.columns)?;
        let names = statement.query_map([], |row| row.get::<_, String>(1))?;
        names.collect::<rusqlite::Result<Vec<_>>>()
    };
    let known = || match columns() {
        Ok(none) if none.is_empty() && !read_only => {
            connection.execute_batch(&sql.create)?;
            columns()
        }
        known => known,
    };
    let known = known().map_err(|error| match failure(&error) {
        failure if read_only && ["SQLITE_CANTOPEN", "SQLITE_READONLY"].contains(&&*failure.code) => {
            let message = "who reads a file in WAL mode makes files beside it, too, unless its writer has it open, and the \
                           folder cannot be written";
            Failure::new("SQLITE_CANTOPEN", message)
        }
        failure => failure,
    })?;
    let has = |name: &str| known.iter().any(|known| known == name);
    if known.is_empty() {
        return Err(Failure::new("SQLITE_MISMATCH", "the database has no such table"));
    }
    if !["key", "value", "blob", "created_at", "updated_at"].into_iter().all(has) {
        return Err(Failure::new("SQLITE_MISMATCH", "the table is not one of unstorage's"));
    }
    let expires = has("expires_at");
    if expires && !read_only {
        connection.execute_batch(&sql.index_expiry).map_err(|error| failure(&error))?;
    }
    Ok(expires)
}
