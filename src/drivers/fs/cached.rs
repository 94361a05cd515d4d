//! Answers on the calling thread, from what the kernel has in memory: nothing here waits, but for looks that are expected not
//! to ([`Disk`]).

use std::{
    ffi::OsString,
    io::IoSliceMut,
    os::{
        fd::{AsRawFd, BorrowedFd, OwnedFd},
        unix::ffi::OsStringExt,
    },
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    task::Poll,
};

use rustix::{
    fs::{CWD, FileType, Mode, OFlags, ResolveFlags, Stat, fstat, lstat, openat2, readlink},
    io::{Errno, ReadWriteFlags, preadv2},
};

use super::{
    disk::Disk,
    layout::{self, Found},
    place::Way,
    root::Root,
    seen::{Seen, see},
    stamp::Stamp,
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
}

impl Default for Able {
    fn default() -> Self {
        Self { names: AtomicBool::new(true), contents: AtomicBool::new(true) }
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

/// What the file is that holds the item.
pub fn stamp(root: &Root, disk: &Disk, path: &Path) -> Answer<Stamp> {
    answer(find(root, path, |path| {
        let Some(seen) = look(root, disk, path)? else { return Ok(Found::Nothing) };
        Ok(if seen.kind == FileType::Directory { Found::Folder } else { Found::Item(seen.stamp) })
    }))
}

/// The item's value, and what the file was that held it.
pub fn read(root: &Root, disk: &Disk, path: &Path) -> Answer<(Vec<u8>, Stat)> {
    let opened = find(root, path, |path| {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW;
        let file = match disk.look(parent(path)?, |waits| open(root, CWD, path, flags, waits)) {
            Some(opened) => opened?,
            // Opening a file may ask a network, looking for it does not.
            None if open_folder(root, CWD, parent(path)?)?.is_none() => None,
            None => return Err(Refusal::Waits),
        };
        let Some(file) = file else { return Ok(Found::Nothing) };
        let stat = fstat(&file).map_err(refusal)?;
        let is_folder = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
        Ok(if is_folder { Found::Folder } else { Found::Item((file, stat)) })
    });
    answer(opened.and_then(|found| {
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
pub fn seen_now(path: &Path) -> Option<Seen> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    see(openat2(CWD, path, flags, Mode::empty(), ResolveFlags::CACHED).ok()?).ok()
}

/// Where the path leads, and what is there.
pub fn resolved(path: &Path) -> Result<(PathBuf, Seen), Errno> {
    let file = openat2(CWD, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty(), ResolveFlags::CACHED)?;
    let target = readlink(format!("/proc/self/fd/{}", file.as_raw_fd()), Vec::new())?;
    Ok((PathBuf::from(OsString::from_vec(target.into_bytes())), see(file)?))
}

fn answer<T>(result: Result<Option<T>, Refusal>) -> Answer<T> {
    match result {
        Ok(value) => Ok(Poll::Ready(value)),
        Err(Refusal::Waits) => Ok(Poll::Pending),
        Err(Refusal::Unsupported) => Err(Unsupported),
    }
}

fn find<T>(
    root: &Root,
    path: &Path,
    look: impl FnMut(&Path) -> Result<Found<T>, Refusal>,
) -> Result<Option<T>, Refusal> {
    layout::find(&root.base, path, |folder, path| open_folder(root, folder, path), look)
}

/// What is at the path, or where a link there leads.
fn look(root: &Root, disk: &Disk, path: &Path) -> Result<Option<Seen>, Refusal> {
    let taken = disk.look(parent(path)?, |waits| {
        // It takes one call, but follows the links on the way, if somebody put some there.
        if waits && root.follow {
            return lstat(path).map(|stat| Some((&stat).into())).or_else(missing);
        }
        see_open(open(root, CWD, path, OFlags::PATH | OFlags::NOFOLLOW, waits)?)
    });
    match taken.transpose()? {
        Some(seen) if seen.as_ref().is_none_or(|seen| seen.kind != FileType::Symlink) => Ok(seen),
        _ => see_open(open(root, CWD, path, OFlags::PATH, false)?),
    }
}

fn see_open(file: Option<OwnedFd>) -> Result<Option<Seen>, Refusal> {
    file.map(see).transpose().map_err(refusal)
}

fn parent(path: &Path) -> Result<&Path, Refusal> {
    path.parent().ok_or(Refusal::Waits)
}

fn open_folder(root: &Root, folder: BorrowedFd, path: &Path) -> Result<Option<OwnedFd>, Refusal> {
    open(root, folder, path, OFlags::PATH | OFlags::DIRECTORY, false)
}

fn open(root: &Root, folder: BorrowedFd, path: &Path, flags: OFlags, waits: bool) -> Result<Option<OwnedFd>, Refusal> {
    let links = if root.follow { ResolveFlags::empty() } else { ResolveFlags::NO_SYMLINKS };
    let memory = if waits { ResolveFlags::empty() } else { ResolveFlags::CACHED };
    openat2(folder, path, flags | OFlags::CLOEXEC, Mode::empty(), memory | links).map(Some).or_else(missing)
}

/// What no way leads to is missing.
fn missing<T>(error: Errno) -> Result<Option<T>, Refusal> {
    match error {
        Errno::NOENT | Errno::NOTDIR => Ok(None),
        error => Err(refusal(error)),
    }
}

fn refusal(error: Errno) -> Refusal {
    match error {
        Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL | Errno::PERM => Refusal::Unsupported,
        _ => Refusal::Waits,
    }
}
