//! Locks that processes take against each other, on files and folders that are open. Closing the file gives its lock back, and
//! so does the end of the process.
//!
//! - A folder: shared while a file in it is replaced by rename, exclusive while one is removed that has expired. So what is
//!   removed is what was looked at.
//! - A file: exclusive while it is written in place or removed because it has expired.
//! - The index of expiries: shared while something is added, exclusive while it is written anew.

use std::{
    fs::File,
    io,
    os::fd::AsFd,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use rustix::{
    fs::{FlockOperation, flock},
    io::Errno,
};

use crate::driver::Deferred;

/// How long a write waits for a lock before it makes room for others. Mostly none is held for longer.
const PATIENCE: Duration = Duration::from_millis(1);
const FIRST_PAUSE: Duration = Duration::from_micros(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(5);

/// Takes a lock that others may share, of the file at `path`; deferred while another process has it.
pub fn shared(file: impl AsFd, path: &Path) -> io::Result<()> {
    take(&file, path, FlockOperation::NonBlockingLockShared)
}

/// Takes a lock that nobody shares, of the file at `path`; deferred while another process has it.
pub fn exclusive(file: impl AsFd, path: &Path) -> io::Result<()> {
    take(&file, path, FlockOperation::NonBlockingLockExclusive)
}

/// Whether the lock, which nobody shares, was to be had in that time.
pub fn exclusive_within(file: impl AsFd, patience: Duration) -> io::Result<bool> {
    wait(&file, FlockOperation::NonBlockingLockExclusive, patience)
}

/// Gives a lock back before its file is closed.
pub fn release(file: impl AsFd) {
    // Closing the file does it at the latest.
    let _ = flock(file, FlockOperation::Unlock);
}

fn take(file: &impl AsFd, path: &Path, operation: FlockOperation) -> io::Result<()> {
    if wait(file, operation, PATIENCE)? {
        return Ok(());
    }
    // No file is kept open meanwhile: many calls may wait.
    let path: PathBuf = path.into();
    let is_free = move || File::open(&path).and_then(|file| attempt(&file, operation)).unwrap_or(true);
    Err(Deferred::Taken(Arc::new(is_free)).into())
}

fn wait(file: &impl AsFd, operation: FlockOperation, patience: Duration) -> io::Result<bool> {
    let (started, mut pause) = (Instant::now(), FIRST_PAUSE);
    while !attempt(file, operation)? {
        if started.elapsed() >= patience {
            return Ok(false);
        }
        thread::sleep(pause);
        pause = LONGEST_PAUSE.min(2 * pause);
    }
    Ok(true)
}

fn attempt(file: &impl AsFd, operation: FlockOperation) -> io::Result<bool> {
    loop {
        return match flock(file, operation) {
            Err(Errno::WOULDBLOCK) => Ok(false),
            Err(Errno::INTR) => continue,
            // Where the file system has no locks, and in a folder that may not be read, there is none to wait for.
            Ok(()) | Err(Errno::BADF | Errno::INVAL | Errno::NOLCK | Errno::NOSYS | Errno::OPNOTSUPP) => Ok(true),
            Err(error) => Err(error.into()),
        };
    }
}
