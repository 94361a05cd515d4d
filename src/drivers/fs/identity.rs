//! Which file or folder it is, whatever names lead there.

use std::{fs::Metadata, os::unix::fs::MetadataExt};

use rustix::fs::Stat;

/// Device and inode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity(u64, u64);

impl From<&Metadata> for Identity {
    fn from(metadata: &Metadata) -> Self {
        Self(metadata.dev(), metadata.ino())
    }
}

#[allow(clippy::unnecessary_fallible_conversions, clippy::useless_conversion, reason = "types differ by system")]
impl From<&Stat> for Identity {
    fn from(stat: &Stat) -> Self {
        Self(u64::try_from(stat.st_dev).unwrap_or_default(), u64::try_from(stat.st_ino).unwrap_or_default())
    }
}
