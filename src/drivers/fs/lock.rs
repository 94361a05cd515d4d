//! Locks that processes take against each other, on files and folders that are open. Closing the file gives its lock back, and
//! so does the end of the process.
//!
//! - A folder: shared while a file in it is replaced by rename, exclusive while one is removed that has expired. So what is
//!   removed is what was looked at.
//! - A file: exclusive while it is written in place or removed because it has expired.
//! - The index of expiries: shared while something is added, exclusive while it is written anew.

use std::{
    io,
    os::fd::AsFd,
    thread,
    time::{Duration, Instant},
};

use rustix::{
    fs::{FlockOperation, flock},
    io::Errno,
};

use crate::driver::Pool;

/// How long a write waits for a lock. None is held for longer than a write takes, unless its process was stopped.
const PATIENCE: Duration = Duration::from_secs(5);
const FIRST_PAUSE: Duration = Duration::from_micros(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(5);

/// Waits for a lock that others may share.
pub fn shared(file: impl AsFd) -> io::Result<()> {
    patiently(&file, FlockOperation::NonBlockingLockShared)
}

/// Waits for a lock that nobody shares.
pub fn exclusive(file: impl AsFd) -> io::Result<()> {
    patiently(&file, FlockOperation::NonBlockingLockExclusive)
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

fn patiently(file: &impl AsFd, operation: FlockOperation) -> io::Result<()> {
    if wait(file, operation, PATIENCE)? {
        return Ok(());
    }
    Err(io::Error::new(io::ErrorKind::TimedOut, "another process has kept it locked for 5 seconds"))
}

fn wait(file: &impl AsFd, operation: FlockOperation, patience: Duration) -> io::Result<bool> {
    if attempt(file, operation)? {
        return Ok(true);
    }
    // So that what waits here holds up no other files.
    Pool::get().take_long(|| {
        let (started, mut pause) = (Instant::now(), FIRST_PAUSE);
        while started.elapsed() < patience {
            thread::sleep(pause);
            if attempt(file, operation)? {
                return Ok(true);
            }
            pause = LONGEST_PAUSE.min(2 * pause);
        }
        Ok(false)
    })
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
