//! Which file or folder it is, whatever names lead there.

use std::{fs::Metadata, os::unix::fs::MetadataExt};

use rustix::fs::Stat;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    pub device: u64,
    pub inode: u64,
}

impl From<&Metadata> for Identity {
    fn from(metadata: &Metadata) -> Self {
        Self { device: metadata.dev(), inode: metadata.ino() }
    }
}

#[allow(clippy::unnecessary_fallible_conversions, clippy::useless_conversion, reason = "types differ by system")]
impl From<&Stat> for Identity {
    fn from(stat: &Stat) -> Self {
        let (device, inode) = (u64::try_from(stat.st_dev), u64::try_from(stat.st_ino));
        Self { device: device.unwrap_or_default(), inode: inode.unwrap_or_default() }
    }
}
