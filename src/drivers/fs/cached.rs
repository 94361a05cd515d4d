//! Answers from what the kernel has in memory, on the calling thread: nothing here waits for a disk, but for looks that
//! are expected not to ([`Lookups`]).

use std::{
    io::IoSliceMut,
    os::fd::{BorrowedFd, OwnedFd},
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    task::Poll,
};

use rustix::{
    fs::{CWD, FileType, Mode, OFlags, ResolveFlags, Stat, fstat, openat2},
    io::{Errno, ReadWriteFlags, preadv2},
};

use super::{
    layout::{self, Found},
    lookups::Lookups,
    place::Way,
    root::Root,
};

/// Longer values are copied where that holds nobody up.
const LONGEST: usize = 64 * 1024;

/// Why there is no answer.
enum Refusal {
    /// It would take a disk, or is an error that another thread will find too.
    Waits,
    /// This file system cannot say what it has in memory.
    Unsupported,
}

pub struct Unsupported;

/// Whether the kernel can tell what it has in memory of names, and of contents, in this place.
pub struct Able {
    pub names: AtomicBool,
    pub contents: AtomicBool,
    pub lookups: Lookups,
}

impl Default for Able {
    fn default() -> Self {
        Self { names: AtomicBool::new(true), contents: AtomicBool::new(true), lookups: Lookups::default() }
    }
}

/// Asks the kernel's memory, unless it once turned out to be unable to tell.
pub fn ask<T>(able: &AtomicBool, question: impl FnOnce() -> Answer<T>) -> Poll<Option<T>> {
    if !able.load(Ordering::Relaxed) {
        return Poll::Pending;
    }
    question().unwrap_or_else(|Unsupported| {
        able.store(false, Ordering::Relaxed);
        Poll::Pending
    })
}

/// Pending where another thread has to find out.
pub type Answer<T> = Result<Poll<Option<T>>, Unsupported>;

/// The metadata of the file that holds the item.
pub fn metadata(root: &Root, lookups: &Lookups, path: &Path) -> Answer<Stat> {
    answer(find(root, lookups, path, OFlags::PATH).map(|found| found.map(|(_, stat)| stat)))
}

/// The item's value, and what the file was that held it.
pub fn read(root: &Root, lookups: &Lookups, path: &Path) -> Answer<(Vec<u8>, Stat)> {
    answer(find(root, lookups, path, OFlags::RDONLY | OFlags::NONBLOCK).and_then(|found| {
        let Some((file, stat)) = found else { return Ok(None) };
        let size = usize::try_from(stat.st_size).unwrap_or(usize::MAX);
        // Of a file that says it is empty, as those of /proc do, only reading can tell.
        if size == 0 || size > LONGEST || FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(Refusal::Waits);
        }
        let mut bytes = vec![0; size];
        let length = preadv2(file, &mut [IoSliceMut::new(&mut bytes)], 0, ReadWriteFlags::NOWAIT).map_err(refusal)?;
        // The rest may be on disk only.
        if length < size { Err(Refusal::Waits) } else { Ok(Some((bytes, stat))) }
    }))
}

/// Whether a link is on the way to the folder.
pub fn way_to(folder: &Path) -> Way {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    match openat2(CWD, folder, flags, Mode::empty(), ResolveFlags::CACHED | ResolveFlags::NO_SYMLINKS) {
        Ok(_) => Way::Plain,
        Err(Errno::LOOP) => Way::Linked,
        Err(error) => match refusal(error) {
            // It has to be found out in another way.
            Refusal::Unsupported => Way::Linked,
            Refusal::Waits => Way::Unknown,
        },
    }
}

/// What is at the path, be it a link.
pub fn stat_now(path: &Path) -> Option<Stat> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    fstat(openat2(CWD, path, flags, Mode::empty(), ResolveFlags::CACHED).ok()?).ok()
}

fn answer<T>(result: Result<Option<T>, Refusal>) -> Answer<T> {
    match result {
        Ok(value) => Ok(Poll::Ready(value)),
        Err(Refusal::Waits) => Ok(Poll::Pending),
        Err(Refusal::Unsupported) => Err(Unsupported),
    }
}

fn find(root: &Root, lookups: &Lookups, path: &Path, flags: OFlags) -> Result<Option<(OwnedFd, Stat)>, Refusal> {
    let folder = |folder: BorrowedFd, path: &Path| open(root, folder, path, OFlags::PATH | OFlags::DIRECTORY);
    layout::find(&root.base, path, folder, |path| {
        let opened = match open(root, CWD, path, flags) {
            Err(Refusal::Waits) if look_up(root, lookups, path)? => open(root, CWD, path, flags),
            opened => opened,
        };
        let Some(file) = opened? else { return Ok(Found::Nothing) };
        let stat = fstat(&file).map_err(refusal)?;
        let is_folder = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
        Ok(if is_folder { Found::Folder } else { Found::Item((file, stat)) })
    })
}

/// Whether the kernel was made to look for what is at the path.
fn look_up(root: &Root, lookups: &Lookups, path: &Path) -> Result<bool, Refusal> {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return Ok(false) };
    let folder = open(root, CWD, parent, OFlags::PATH | OFlags::DIRECTORY)?;
    Ok(folder.is_some_and(|folder| lookups.look_up(folder, Path::new(name))))
}

fn open(root: &Root, folder: BorrowedFd, path: &Path, flags: OFlags) -> Result<Option<OwnedFd>, Refusal> {
    let links = if root.follow { ResolveFlags::empty() } else { ResolveFlags::NO_SYMLINKS };
    match openat2(folder, path, flags | OFlags::CLOEXEC, Mode::empty(), ResolveFlags::CACHED | links) {
        Ok(file) => Ok(Some(file)),
        Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
        Err(error) => Err(refusal(error)),
    }
}

fn refusal(error: Errno) -> Refusal {
    match error {
        Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL | Errno::PERM => Refusal::Unsupported,
        _ => Refusal::Waits,
    }
}
