//! Names that the kernel has not looked up yet, looked up on the calling thread.
//!
//! That a file is missing the kernel knows only once it was looked for. A folder's blocks mostly are in memory, and then a look takes a tenth
//! of what another thread would. So it is taken here, in a folder of a disk of this machine alone, as a network may keep it for ever;
//! and if it took long, it waited for the disk, and for a while the others go to the pool.

use std::{
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use rustix::{
    fd::AsFd,
    fs::{Mode, OFlags, ResolveFlags, fstatfs, openat2},
};

/// What takes so long has waited.
const LONG: Duration = Duration::from_micros(50);
const REST: u32 = 100;

/// The `f_type` of ext2 to ext4, XFS, Btrfs, F2FS, ZFS and tmpfs.
const LOCAL: [u32; 6] = [0xEF53, 0x5846_5342, 0x9123_683E, 0xF2F5_2010, 0x2FC1_2FC1, 0x0102_1994];

#[derive(Default)]
pub struct Lookups {
    /// Until when none is taken.
    slow: Mutex<Option<Instant>>,
}

impl Lookups {
    /// Makes the kernel look up the name in the folder, if that is expected not to wait. Whether it did.
    pub fn look_up(&self, folder: impl AsFd, name: &Path) -> bool {
        let started = Instant::now();
        if self.slow().is_some_and(|until| started < until) || !is_local(&folder) {
            return false;
        }
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        // It may be where another disk is mounted. What is found is of no interest: the kernel knows it now.
        let _ = openat2(folder, name, flags, Mode::empty(), ResolveFlags::NO_XDEV);
        let took = started.elapsed();
        if took > LONG {
            *self.slow() = Some(started + REST * took);
        }
        true
    }

    fn slow(&self) -> MutexGuard<'_, Option<Instant>> {
        self.slow.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_local(folder: impl AsFd) -> bool {
    fstatfs(folder).is_ok_and(|found| u32::try_from(found.f_type).is_ok_and(|kind| LOCAL.contains(&kind)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::io::Errno;
    use std::fs::File;

    #[test]
    fn what_was_looked_up_is_known_unless_looks_take_long() {
        let base = tempfile::tempdir().unwrap();
        let folder = File::open(base.path()).unwrap();
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        let ask = |name: &str| openat2(&folder, name, flags, Mode::empty(), ResolveFlags::CACHED).unwrap_err();
        let lookups = Lookups::default();
        let is_local = is_local(&folder);
        assert_eq!(ask("none"), Errno::AGAIN);
        assert_eq!(lookups.look_up(&folder, Path::new("none")), is_local);
        assert_eq!(ask("none"), if is_local { Errno::NOENT } else { Errno::AGAIN });
        *lookups.slow() = Some(Instant::now() + Duration::from_secs(60));
        assert!(!lookups.look_up(&folder, Path::new("other")));
        assert_eq!(ask("other"), Errno::AGAIN);
    }

    #[test]
    fn what_is_no_disk_of_this_machine_is_not_local() {
        assert!(!is_local(File::open("/proc").unwrap()));
    }
}
