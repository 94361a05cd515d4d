//! LMDB's errors, by its own names or the system's.

use std::io;

use heed::MdbError;

use crate::error::Failure;

pub fn failure(error: &heed::Error) -> Failure {
    let code = match error {
        heed::Error::Io(error) if error.kind() == io::ErrorKind::WouldBlock => {
            let message = "another process that uses the database has the same PID, as one in another container may, or this one has \
                           loaded rustorage twice, and LMDB tells those that read apart by it";
            return Failure::new("EAGAIN", message);
        }
        heed::Error::Io(error) => return Failure::of_system("the database", error),
        heed::Error::Mdb(MdbError::Other(number)) => {
            return Failure::of_system("the database", &io::Error::from_raw_os_error(*number));
        }
        // What follows in a transaction that has met damage is BadTxn.
        heed::Error::Mdb(
            MdbError::PageNotFound
            | MdbError::Corrupted
            | MdbError::BadTxn
            | MdbError::CursorFull
            | MdbError::PageFull
            | MdbError::Problem,
        )
        | heed::Error::Decoding(_) => "MDB_CORRUPTED",
        heed::Error::Mdb(MdbError::Panic) => "MDB_PANIC",
        heed::Error::Mdb(MdbError::VersionMismatch) => "MDB_VERSION_MISMATCH",
        heed::Error::Mdb(MdbError::Invalid) => "MDB_INVALID",
        heed::Error::Mdb(MdbError::Incompatible) => "MDB_INCOMPATIBLE",
        heed::Error::Mdb(MdbError::BadValSize) => "TOO_LARGE",
        heed::Error::Mdb(MdbError::ReadersFull) => "EAGAIN",
        _ => "INTERNAL",
    };
    Failure::new(code, error.to_string())
}

pub fn foreign() -> Failure {
    Failure::new("MDB_INCOMPATIBLE", "the database was not made by rustorage")
}

pub fn damaged() -> Failure {
    Failure::new("MDB_CORRUPTED", "the database holds what rustorage never wrote")
}
