//! The table of one file: a connection that writes, and some that read.

use std::{
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rusqlite::{Connection, TransactionBehavior, params};

use super::{
    connection::{self, prepare_table},
    failure::failure,
    options::Sync,
    readers::{Reader, Readers},
    rows::{Rows, Text, now},
    sql::Sql,
};
use crate::{
    drivers::embedded::{Edit, Manner, Registry, Store, View, Window, check_disk},
    error::{Cause, Failure},
};

#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    pub table: String,
    pub sync: Sync,
    pub busy_timeout: u32,
    pub read_only: bool,
}

pub struct Table {
    sql: Arc<Sql>,
    /// Of a database that is only read, it reads, too.
    writer: Arc<Mutex<Connection>>,
    readers: Arc<Readers>,
    /// The table has the column of expiries, which it then keeps.
    expires: AtomicBool,
    behavior: TransactionBehavior,
}

impl Store for Table {
    type Settings = Settings;
    type Reader = Reader;

    const COST: i32 = 24;

    fn is_read_only(settings: &Settings) -> bool {
        settings.read_only
    }

    fn registry() -> &'static Registry<Self> {
        static TABLES: Registry<Table> = Registry::new();
        &TABLES
    }

    fn open(path: &Path, settings: &Settings) -> Result<Self, Failure> {
        let folder = path.parent().unwrap_or(path);
        if !settings.read_only {
            std::fs::create_dir_all(folder).map_err(|error| Failure::of_system("the database's folder", &error))?;
        }
        check_disk(folder)?;
        // SQLite takes no more.
        let patience = Duration::from_millis(settings.busy_timeout.min(i32::MAX.unsigned_abs()).into());
        let settled = settings.read_only && connection::is_settled(path);
        let writer = if settings.read_only {
            connection::check_file(path)?;
            let reader = connection::for_reading(path, settled)?;
            reader.busy_timeout(patience).map_err(|error| failure(&error))?;
            reader
        } else {
            connection::for_writing(path, settings.sync, patience)?
        };
        let sql = Arc::new(Sql::new(&settings.table));
        let expires = AtomicBool::new(prepare_table(&writer, &sql, settings.read_only)?);
        let behavior = if settings.read_only { TransactionBehavior::Deferred } else { TransactionBehavior::Immediate };
        let writer = Arc::new(Mutex::new(writer));
        let readers = Readers::new(path.to_path_buf(), settled, Arc::clone(&sql), Arc::clone(&writer));
        Ok(Self { sql, writer, readers, expires, behavior })
    }

    fn look<T>(&self, read: impl FnOnce(&dyn View) -> T) -> Option<T> {
        Some(read(&self.readers.take().ok()?))
    }

    fn snapshot(&self) -> Result<Reader, Cause> {
        self.readers.take()?.pin()
    }

    fn write(&self, act: &mut dyn FnMut(&mut dyn Edit) -> Result<(), Cause>) -> Result<(), Cause> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let transaction = writer.transaction_with_behavior(self.behavior).map_err(|error| failure(&error))?;
        let mut writing =
            Writing { connection: &transaction, sql: &self.sql, expires: self.expires.load(Ordering::Acquire) };
        writing.look_for_expiries()?;
        act(&mut writing)?;
        let expires = writing.expires;
        transaction.commit().map_err(|error| failure(&error))?;
        self.expires.store(expires, Ordering::Release);
        Ok(())
    }

    fn close(self: Arc<Self>) {
        // The connections of reads that have not ended close themselves.
        drop(self);
    }
}

struct Writing<'a> {
    connection: &'a Connection,
    sql: &'a Sql,
    /// The table has the column of expiries.
    expires: bool,
}

impl Writing<'_> {
    /// Another process may have added the column.
    fn look_for_expiries(&mut self) -> Result<(), Cause> {
        if !self.expires {
            let find = || self.connection.prepare_cached(&self.sql.has_expiry)?.query_row([], |row| row.get(0));
            self.expires = find().map_err(|error| failure(&error))?;
        }
        Ok(())
    }

    fn add_expiry(&mut self) -> Result<(), Cause> {
        let add = || {
            self.connection.execute_batch(&self.sql.add_expiry)?;
            self.connection.execute_batch(&self.sql.index_expiry)
        };
        add().map_err(|error| failure(&error))?;
        self.expires = true;
        Ok(())
    }

    fn run(&self, sql: &str, parameters: impl rusqlite::Params) -> Result<usize, Cause> {
        let run = || self.connection.prepare_cached(sql)?.execute(parameters);
        Ok(run().map_err(|error| failure(&error))?)
    }
}

impl Window for Writing<'_> {
    type View<'a>
        = Rows<'a>
    where
        Self: 'a;

    fn view(&self) -> Result<Rows<'_>, Cause> {
        Ok(Rows { connection: self.connection, sql: self.sql })
    }
}

impl Edit for Writing<'_> {
    fn set(&mut self, key: &[u8], value: &[u8], manner: Manner) -> Result<(), Cause> {
        let text = Some(Text(value)).filter(|_| !manner.raw);
        let blob = manner.raw.then_some(value);
        let expires = manner.expires.map(|at| i64::try_from(at).unwrap_or(i64::MAX));
        if expires.is_some() && !self.expires {
            self.add_expiry()?;
        }
        if self.expires {
            self.run(&self.sql.set, params![Text(key), text, blob, expires]).map(drop)
        } else {
            self.run(&self.sql.set_endless, params![Text(key), text, blob]).map(drop)
        }
    }

    fn remove(&mut self, key: &[u8]) -> Result<(), Cause> {
        self.run(&self.sql.remove, params![Text(key)]).map(drop)
    }

    fn sweep(&mut self, most: usize) -> Result<Option<u64>, Cause> {
        if !self.expires {
            return Ok(None);
        }
        let now = now();
        self.run(&self.sql.void, params![now])?;
        self.run(&self.sql.sweep, params![now, i64::try_from(most).unwrap_or(i64::MAX)])?;
        let next = || self.connection.prepare_cached(&self.sql.next)?.query_row([], |row| row.get::<_, Option<i64>>(0));
        let next = next().map_err(|error| failure(&error))?;
        Ok(next.map(|at| u64::try_from(at).unwrap_or_default()))
    }
}
