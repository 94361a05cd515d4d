//! What the system says of a file, as far as the driver wants to know.

use rustix::fs::{FileType, Stat};
#[cfg(target_os = "linux")]
use rustix::{
    fd::AsFd,
    fs::{AtFlags, StatxFlags, makedev, statx},
    io::Errno,
};

use super::{identity::Identity, stamp::Stamp};

pub struct Seen {
    pub kind: FileType,
    /// How many names it has.
    pub names: u64,
    pub identity: Identity,
    #[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "no answer is given on the calling thread there"))]
    pub stamp: Stamp,
}

#[allow(clippy::unnecessary_fallible_conversions, clippy::useless_conversion, reason = "types differ by system")]
impl From<&Stat> for Seen {
    fn from(stat: &Stat) -> Self {
        Self {
            kind: FileType::from_raw_mode(stat.st_mode),
            names: u64::from(stat.st_nlink),
            identity: Identity::from(stat),
            stamp: Stamp::from(stat),
        }
    }
}

/// What is known of an open file without asking a network.
#[cfg(target_os = "linux")]
pub fn see(file: impl AsFd) -> Result<Seen, Errno> {
    let flags = AtFlags::EMPTY_PATH | AtFlags::STATX_DONT_SYNC;
    let stat = statx(file, "", flags, StatxFlags::BASIC_STATS)?;
    Ok(Seen {
        kind: FileType::from_raw_mode(stat.stx_mode.into()),
        names: stat.stx_nlink.into(),
        identity: Identity { device: makedev(stat.stx_dev_major, stat.stx_dev_minor), inode: stat.stx_ino },
        stamp: Stamp {
            inode: stat.stx_ino,
            seconds: stat.stx_mtime.tv_sec,
            nanoseconds: stat.stx_mtime.tv_nsec.into(),
            size: stat.stx_size,
        },
    })
}
