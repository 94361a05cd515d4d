//! What tells one writing of a file from the next.

use std::{fs::Metadata, os::unix::fs::MetadataExt};

use rustix::fs::Stat;

/// The file's inode, its time of modification and its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    pub inode: u64,
    pub seconds: i64,
    pub nanoseconds: i64,
    pub size: u64,
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
