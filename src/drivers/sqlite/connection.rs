//! How connections are opened.

use std::{
    fs::{self, File},
    io,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::{failure::failure, options::Sync, sql::Sql};
use crate::{
    drivers::embedded::{check_links, for_everyone},
    error::Failure,
};

/// One statement of each kind is kept prepared.
const STATEMENTS: usize = 32;

/// Between two looks at whether others have opened the file.
const PAUSE: Duration = Duration::from_millis(2);

pub fn for_reading(path: &Path) -> Result<Connection, Failure> {
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    connection.busy_timeout(Duration::ZERO).map_err(|error| failure(&error))?;
    Ok(connection)
}

/// Makes the file, if it is not there.
pub fn for_writing(path: &Path, sync: Sync, patience: Duration) -> Result<Connection, Failure> {
    make(path)?;
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
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

fn open(path: &Path, flags: OpenFlags) -> Result<Connection, Failure> {
    // The system's reason says more than SQLite's.
    fs::metadata(path).map_err(|error| Failure::of_system("the database", &error))?;
    let connection =
        Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX).map_err(|error| failure(&error))?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(connection)
}

/// An empty file is a database to SQLite. A file that is there is not opened here: closing it again would take the locks away that
/// this process has on it.
fn make(path: &Path) -> Result<(), Failure> {
    match for_everyone(File::options().write(true).create_new(true)).open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => {
                Err(Failure::of_system("the database", &io::ErrorKind::IsADirectory.into()))
            }
            Ok(metadata) => check_links(&metadata),
            Err(error) => Err(Failure::of_system("the database", &error)),
        },
        Err(error) => Err(Failure::of_system("the database", &error)),
    }
}

/// Makes the table or its new column, unless it is another program's.
pub fn prepare_table(connection: &mut Connection, sql: &Sql, read_only: bool) -> Result<(), Failure> {
    let columns = |connection: &Connection| {
        let mut statement = connection.prepare(&sql.columns)?;
        let names = statement.query_map([], |row| row.get::<_, String>(1))?;
        names.collect::<rusqlite::Result<Vec<_>>>()
    };
    let known = columns(connection).map_err(|error| failure(&error))?;
    let has = |name: &str| known.iter().any(|known| known == name);
    if !known.is_empty() && !["key", "value", "blob", "created_at", "updated_at"].into_iter().all(has) {
        return Err(Failure::new("SQLITE_MISMATCH", "the table is not one of unstorage's"));
    }
    if known.is_empty() && read_only {
        return Err(Failure::new("SQLITE_MISMATCH", "the database has no such table"));
    }
    if has("expires_at") {
        return Ok(());
    }
    if read_only {
        return Err(Failure::new(
            "SQLITE_READONLY",
            "the table has no column `expires_at` yet, which only a writer can add",
        ));
    }
    let make = |connection: &mut Connection| {
        let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        transaction.execute_batch(&sql.create)?;
        // Another process may have come first.
        if !columns(&transaction)?.iter().any(|name| name == "expires_at") {
            transaction.execute_batch(&sql.add_expiry)?;
        }
        transaction.execute_batch(&sql.index_expiry)?;
        transaction.commit()
    };
    make(connection).map_err(|error| failure(&error))
}
