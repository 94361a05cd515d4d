//! Looks that the calling thread takes though they might wait for a disk.
//!
//! Mostly what they ask for is in memory, and to ask the kernel for that alone takes longer, and says nothing of files that were never looked
//! for. So they are taken, but only in folders on the base's own disk, and only if that is one of this machine: a network may keep a
//! look for ever. After some that took long, the kernel's memory alone is asked for a while.

use std::{
    collections::HashSet,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use foldhash::fast::RandomState;

#[cfg(target_os = "linux")]
use super::device;
use super::identity::Identity;

/// A look that takes so long has waited. After so many of them one after another there are none for so many times as long.
const LONG: Duration = Duration::from_micros(50);
const MOST_LONG: u32 = 3;
const REST: u32 = 300;
/// How long, and of how many folders, it is known that they are on the base's disk: somebody may put a link or a mount in their place.
const KNOWN: Duration = Duration::from_secs(10);
const MOST_KNOWN: usize = 1000;

/// The disk of a base.
pub struct Disk {
    base: PathBuf,
    /// None for one that is not of this machine.
    device: Option<u64>,
    known: Mutex<Known>,
}

struct Known {
    since: Instant,
    /// The paths of folders that are on the disk, with no link on the way there below the base.
    folders: HashSet<Box<[u8]>, RandomState>,
    /// How many of the last looks took long, and until when no other may.
    long: u32,
    slow: Option<Instant>,
}

impl Disk {
    pub fn new(base: &Path) -> Self {
        let known = Known { since: Instant::now(), folders: HashSet::default(), long: 0, slow: None };
        let there = base.ancestors().find(|path| path.exists());
        Self { base: base.to_path_buf(), device: there.and_then(device::local), known: Mutex::new(known) }
    }

    /// Takes a look at what lies in the folder, and says whether it may wait. None where it must not be taken at all.
    pub fn look<T>(&self, folder: &Path, look: impl FnOnce(bool) -> T) -> Option<T> {
        let device = self.device?;
        let started = Instant::now();
        let mut known = self.known();
        if started.duration_since(known.since) > KNOWN || known.folders.len() >= MOST_KNOWN {
            known.folders.clear();
            known.since = started;
        }
        if !known.folders.contains(folder.as_os_str().as_bytes()) {
            if device::of_folder(&self.base, folder) != Some(device) {
                return None;
            }
            known.folders.insert(folder.as_os_str().as_bytes().into());
        }
        if known.slow.is_some_and(|until| started < until) {
            drop(known);
            return Some(look(false));
        }
        drop(known);
        let result = look(true);
        self.note(started);
        Some(result)
    }

    /// Whether a file is on the disk.
    pub fn holds(&self, file: Identity) -> bool {
        self.device == Some(file.device)
    }

    fn note(&self, started: Instant) {
        let took = started.elapsed();
        let mut known = self.known();
        known.long = if took > LONG { known.long + 1 } else { 0 };
        if known.long == MOST_LONG {
            (known.long, known.slow) = (0, Some(started + REST * took));
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(not(target_os = "linux"))]
mod device {
    use std::path::Path;

    /// No other system tells it without waiting.
    pub fn local(_: &Path) -> Option<u64> {
        None
    }

    pub fn of_folder(_: &Path, _: &Path) -> Option<u64> {
        None
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn looks_wait_unless_they_took_long_and_only_on_the_disk_of_the_base() {
        let base = tempfile::tempdir().unwrap();
        fs::create_dir(base.path().join("folder")).unwrap();
        let disk = Disk::new(base.path());
        assert!(disk.device.is_some(), "tests run on a disk of this machine");
        for name in ["", "folder"] {
            assert_eq!(disk.look(&base.path().join(name), |waits| waits), Some(true), "{name}");
        }
        for elsewhere in ["/proc", "/proc/self"] {
            assert_eq!(disk.look(Path::new(elsewhere), |waits| waits), None, "{elsewhere}");
            assert_eq!(Disk::new(Path::new(elsewhere)).look(Path::new(elsewhere), |waits| waits), None, "{elsewhere}");
        }
        let long = |_| std::thread::sleep(2 * LONG);
        for _ in 0..MOST_LONG {
            assert_eq!(disk.look(base.path(), long), Some(()));
        }
        assert_eq!(disk.look(base.path(), |waits| waits), Some(false));
        disk.known().slow = Some(Instant::now());
        assert_eq!(disk.look(base.path(), |waits| waits), Some(true));
    }
}
