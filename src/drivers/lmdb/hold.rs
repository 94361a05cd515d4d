//! Locks on the lock file that stay while the database is open.
//!
//! LMDB's own belong to the process: the system drops them when it closes any descriptor of the lock file, be it of a program that
//! copies the folder, or of another copy of this addon. Then the next to open the database would take it for unused, and make the
//! lock file anew under those who write; and readers would pass for dead. The locks of an open file are not dropped so. They are
//! where LMDB has its own, and other processes look for them.

use std::{
    fs::File,
    io,
    os::fd::{AsRawFd, RawFd},
    path::Path,
    process,
};

use heed::{Env, WithoutTls};

/// Where LMDB says that the database is in use. That a process reads it, it says at the process's PID.
const IN_USE: libc::off_t = 0;

/// It is let go of when the environment is closed: with the file the system drops LMDB's locks, too.
pub struct Hold {
    _file: File,
}

impl Hold {
    pub fn take(env: &Env<WithoutTls>, lock: &Path) -> io::Result<Self> {
        let file = File::options().read(true).write(true).open(lock)?;
        let descriptor = file.as_raw_fd();
        // Where the system has no such locks, LMDB's own are all there are.
        let has_locks = set(descriptor, libc::F_OFD_SETLK, libc::F_RDLCK, IN_USE).is_ok();
        // LMDB locks a reader's place with the first snapshot, and once. It has none where another process has the same PID.
        if has_locks && env.read_txn().is_ok() {
            let place = libc::off_t::from(process::id());
            // In the way of the other, even in one process.
            set(descriptor, libc::F_SETLK, libc::F_UNLCK, place)?;
            set(descriptor, libc::F_OFD_SETLK, libc::F_WRLCK, place)?;
        }
        Ok(Self { _file: file })
    }
}

fn set(file: RawFd, command: libc::c_int, kind: libc::c_int, place: libc::off_t) -> io::Result<()> {
    #[allow(clippy::cast_possible_truncation, reason = "they are small numbers")]
    let (l_type, l_whence) = (kind as libc::c_short, libc::SEEK_SET as libc::c_short);
    let lock = libc::flock { l_type, l_whence, l_start: place, l_len: 1, l_pid: 0 };
    // SAFETY: the descriptor is open, and the lock is read while the call lasts. Of LMDB's own locks only a reader's is taken away,
    // while nothing is read yet, and another put in its place.
    if unsafe { libc::fcntl(file, command, &raw const lock) } == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
