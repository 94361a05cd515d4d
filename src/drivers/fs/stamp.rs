//! What tells one writing of a file from the next.

use std::{
    fs::{File, Metadata},
    io,
    os::unix::fs::MetadataExt,
    time::Duration,
};

use rustix::fs::{Stat, Timespec, Timestamps, UTIME_OMIT, futimens};

use crate::clock::wall::since_1970;

/// The file's inode, its time of modification and its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    pub inode: u64,
    pub seconds: i64,
    pub nanoseconds: i64,
    pub size: u64,
}

impl Stamp {
    /// Makes a file's stamp one of its own, however coarse the system's clock is, and says what it is.
    pub fn give(file: &File) -> io::Result<Self> {
        Self::give_at(file, since_1970())
    }

    /// As `give`, with a time that the caller knows before.
    pub fn give_at(file: &File, time: Duration) -> io::Result<Self> {
        let modified =
            Timespec { tv_sec: i64::try_from(time.as_secs()).unwrap_or(i64::MAX), tv_nsec: time.subsec_nanos().into() };
        let unchanged = Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT };
        futimens(file, &Timestamps { last_access: unchanged, last_modification: modified })?;
        Ok(Self::from(&file.metadata()?))
    }

    /// What `give_at` makes of a file that will have that size, where the file system keeps times as they are given.
    pub fn expected(file: &Metadata, time: Duration, size: u64) -> Self {
        let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
        Self { inode: file.ino(), seconds, nanoseconds: time.subsec_nanos().into(), size }
    }
}

impl From<&Metadata> for Stamp {
    fn from(metadata: &Metadata) -> Self {
        Self {
            inode: metadata.ino(),
            seconds: metadata.mtime(),
            nanoseconds: metadata.mtime_nsec(),
            size: metadata.len(),
        }
    }
}

#[allow(clippy::unnecessary_fallible_conversions, clippy::useless_conversion, reason = "types differ by system")]
impl From<&Stat> for Stamp {
    fn from(stat: &Stat) -> Self {
        Self {
            inode: u64::try_from(stat.st_ino).unwrap_or_default(),
            seconds: i64::try_from(stat.st_mtime).unwrap_or_default(),
            nanoseconds: i64::try_from(stat.st_mtime_nsec).unwrap_or_default(),
            size: u64::try_from(stat.st_size).unwrap_or_default(),
        }
    }
}
