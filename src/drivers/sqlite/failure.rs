//! SQLite's errors, by its own names or the system's.

use rusqlite::{Error, ErrorCode, ffi};

use crate::error::Failure;

pub fn failure(error: &Error) -> Failure {
    let code = match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => "SQLITE_NOTADB",
        Some(ErrorCode::DatabaseCorrupt) => "SQLITE_CORRUPT",
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => "SQLITE_BUSY",
        Some(ErrorCode::ReadOnly) => "SQLITE_READONLY",
        Some(ErrorCode::CannotOpen) => "SQLITE_CANTOPEN",
        Some(ErrorCode::DiskFull) => "ENOSPC",
        // The file that processes share beside the journal cannot be made as large as it has to be.
        Some(ErrorCode::SystemIoFailure) if extended(error) == ffi::SQLITE_IOERR_SHMSIZE => "ENOSPC",
        Some(ErrorCode::SystemIoFailure) => "EIO",
        Some(ErrorCode::TooBig) => "TOO_LARGE",
        _ => "SQLITE_ERROR",
    };
    Failure::new(code, error.to_string())
}

fn extended(error: &Error) -> i32 {
    error.sqlite_error().map_or(0, |error| error.extended_code)
}
