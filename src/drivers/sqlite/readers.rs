//! Connections that only read, kept for the next read.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use rusqlite::Connection;

use super::{connection, failure::failure, rows::Rows, sql::Sql};
use crate::{
    drivers::embedded::Window,
    error::{Cause, Failure},
};

/// What is kept of them; more are closed after their read.
const KEPT: usize = 4;

pub struct Readers {
    path: PathBuf,
    /// The file cannot change.
    settled: bool,
    sql: Arc<Sql>,
    idle: Mutex<Vec<Connection>>,
    /// Closed after all of them: the last connection to be closed empties the log into the file, if it can write.
    _writer: Arc<Mutex<Connection>>,
}

impl Readers {
    pub fn new(path: PathBuf, settled: bool, sql: Arc<Sql>, writer: Arc<Mutex<Connection>>) -> Arc<Self> {
        Arc::new(Self { path, settled, sql, idle: Mutex::default(), _writer: writer })
    }

    /// One that waits for nobody.
    pub fn take(self: &Arc<Self>) -> Result<Reader, Failure> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = idle.map_or_else(|| connection::for_reading(&self.path, self.settled), Ok)?;
        Ok(Reader { connection: Some(connection), readers: Arc::clone(self), in_transaction: false })
    }
}

pub struct Reader {
    /// None while it is dropped.
    connection: Option<Connection>,
    readers: Arc<Readers>,
    in_transaction: bool,
}

impl Reader {
    /// Keeps what it sees from now on.
    pub fn pin(mut self) -> Result<Self, Cause> {
        let connection = self.connection.as_ref().ok_or(Cause::Abandoned)?;
        connection.execute_batch("BEGIN").map_err(|error| failure(&error))?;
        self.in_transaction = true;
        // A transaction begins with its first read.
        self.view()?.expires()?;
        Ok(self)
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        if self.in_transaction && connection.execute_batch("COMMIT").is_err() {
            return;
        }
        let mut idle = self.readers.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < KEPT {
            idle.push(connection);
        }
    }
}

impl Window for Reader {
    type View<'a> = Rows<'a>;

    fn view(&self) -> Result<Rows<'_>, Cause> {
        let connection = self.connection.as_ref().ok_or(Cause::Abandoned)?;
        Ok(Rows { connection, sql: &self.readers.sql })
    }
}
