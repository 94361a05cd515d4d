//! The database's file and its lock file, before LMDB opens them.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use super::{
    failure::foreign,
    inspect::{Finding, inspect},
};
use crate::{
    drivers::embedded::{check_regular, for_everyone},
    error::Failure,
};

/// What is made sure of for the lock file, so that no full disk is met when it is mapped.
const LOCK_SIZE: u64 = 128 * 1024;

/// Refuses what is no database, or not all of one.
pub fn check_file(path: &Path, read_only: bool) -> Result<(), Failure> {
    let failed = |error| Failure::of_system("the database", &error);
    // Before it is opened: a pipe would wait for who writes to it.
    match fs::metadata(path) {
        Ok(metadata) => check_regular(&metadata)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound && !read_only => {}
        Err(error) => return Err(failed(error)),
    }
    let mut options = File::options();
    options.read(true).write(!read_only).create(!read_only);
    let file = for_everyone(&mut options).open(path).map_err(failed)?;
    match inspect(&file).map_err(failed)? {
        Finding::Empty if read_only => Err(foreign()),
        Finding::Whole | Finding::Empty => Ok(()),
        Finding::Foreign => Err(Failure::new("MDB_INVALID", "the file is no LMDB database")),
        Finding::OtherVersion => Err(Failure::new("MDB_VERSION_MISMATCH", "the file is of another version of LMDB")),
        Finding::Truncated => Err(Failure::new("MDB_CORRUPTED", "the file is shorter than what it should hold")),
    }
}

/// The lock file that LMDB keeps beside the database.
pub fn lock_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-lock");
    name.into()
}

/// LMDB makes the file sparse and maps it, and where the disk is full the first write to the map would end the process.
pub fn reserve_lock_file(path: &Path) -> io::Result<()> {
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false);
    let file = for_everyone(&mut options).open(path)?;
    if file.metadata()?.len() >= LOCK_SIZE {
        return Ok(());
    }
    reserve(&file)
}

/// Windows makes no sparse files by itself.
#[cfg(windows)]
#[allow(clippy::unnecessary_wraps, reason = "elsewhere the disk may be full")]
fn reserve(_: &File) -> io::Result<()> {
    Ok(())
}

#[cfg(all(unix, not(target_os = "macos")))]
fn reserve(file: &File) -> io::Result<()> {
    Ok(rustix::fs::fallocate(file, rustix::fs::FallocateFlags::empty(), 0, LOCK_SIZE)?)
}

/// The system has nothing that leaves what is written there alone: so this is for a file that is new.
#[cfg(target_os = "macos")]
fn reserve(file: &File) -> io::Result<()> {
    use std::os::unix::fs::FileExt;
    if file.metadata()?.len() > 0 { Ok(()) } else { file.write_all_at(&vec![0; LOCK_SIZE as usize], 0) }
}
