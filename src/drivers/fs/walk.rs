//! The files under a base.

use std::{
    ffi::{OsStr, OsString},
    io,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::ffi::OsStrExt,
    },
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use rustix::{
    fs::{AtFlags, Dir, FileType, Mode, OFlags, openat, statat, unlinkat},
    io::Errno,
};

use super::{
    ignore::Filter,
    layout::{OVERFLOW, VALUE, is_temporary, is_unfinished},
    path,
    root::{Root, found},
};
use crate::{
    error::Cause,
    key::{Listing, normalize},
};

/// An unfinished file that nobody has written to for so long belongs to a process that has ended. If it has not, its write
/// starts anew.
pub const ABANDONED: Duration = Duration::from_secs(600);

/// An item that a walk came to.
pub struct Item<'a> {
    /// As storages have it, whatever another program called the file.
    pub key: &'a [u8],
    /// The file that holds it.
    pub folder: BorrowedFd<'a>,
    pub name: &'a OsStr,
    /// Another file holds the item: this one was left behind.
    pub stale: bool,
}

/// One walk over the items of a listing, past what is ignored. No link is followed below the base, so it never leaves it; the folder of the
/// listing's base alone is read.
pub struct Walk<'a> {
    pub root: &'a Root,
    pub filter: Filter<'a>,
    pub listing: &'a Listing,
    /// Empty folders are removed on the way back, but never the driver's base.
    pub prune: bool,
    /// Files that ended processes left unfinished are removed.
    pub collect: bool,
}

type Visit<'a> = dyn FnMut(&Item) -> io::Result<()> + 'a;

/// Where a walk is.
struct Place {
    path: PathBuf,
    /// The key of the folder, with `:` at its end unless it is the base.
    prefix: Vec<u8>,
}

impl Place {
    /// Goes on to `name`; `leave` takes the answer.
    fn enter(&mut self, name: &OsStr) -> usize {
        let length = self.prefix.len();
        self.path.push(name);
        self.prefix.extend_from_slice(name.to_string_lossy().as_bytes());
        length
    }

    fn leave(&mut self, length: usize) {
        self.path.pop();
        self.prefix.truncate(length);
    }
}

impl Walk<'_> {
    pub fn run(&self, visit: &mut Visit) -> Result<(), Cause> {
        let base = &self.root.base;
        let start = folder(base, self.listing)?;
        for above in start.ancestors().take_while(|above| above.starts_with(base)) {
            if self.filter.covers(above)? {
                return Ok(());
            }
        }
        let prefix = self.listing.relative_base();
        // Where a file is in the way of the folder, or was, its items lie beside that file.
        for above in start.ancestors().skip(1).take_while(|above| above.starts_with(base)) {
            let inside = start.strip_prefix(above).unwrap_or(&start);
            self.start(&above.join(OVERFLOW).join(inside), &start, prefix, true, visit)?;
            if self.prune {
                let overflow = above.join(OVERFLOW);
                for folder in overflow.join(inside).ancestors().take_while(|folder| folder.starts_with(&overflow)) {
                    self.prune(folder)?;
                }
            }
        }
        self.start(&start, &start, prefix, false, visit)?;
        if self.prune && start != *base {
            self.prune(&start)?;
        }
        Ok(())
    }

    fn start(&self, folder: &Path, path: &Path, prefix: &[u8], overflow: bool, visit: &mut Visit) -> io::Result<()> {
        let Some(folder) = self.descend(folder)? else { return Ok(()) };
        let mut place = Place { path: path.to_path_buf(), prefix: prefix.to_vec() };
        self.walk(folder, &mut place, overflow, visit)
    }

    fn walk(&self, folder: OwnedFd, place: &mut Place, overflow: bool, visit: &mut Visit) -> io::Result<()> {
        let mut folder = Dir::new(folder)?;
        let entries = entries(&mut folder)?;
        let folder = folder.fd()?;
        if self.filter.asks() {
            self.foresee(&entries, place, overflow)?;
        }
        for Entry { is_folder, is_link, name } in &entries {
            match name {
                name if *is_folder && name == OVERFLOW => self.walk_overflow(folder, place, visit)?,
                name if *is_folder => self.walk_folder(folder, name, place, overflow, visit)?,
                name if name == VALUE => self.visit_value(folder, place, overflow, visit)?,
                name if is_temporary(name) => self.collect(folder, name),
                _ if overflow || *is_link && !self.root.follow => {}
                name => {
                    let length = place.enter(name);
                    let key = normalize(&place.prefix);
                    if self.listing.accepts(&key) && !self.filter.covers(&place.path)? {
                        visit(&Item { key: &key, folder, name, stale: false })?;
                    }
                    place.leave(length);
                }
            }
        }
        Ok(())
    }

    /// Asks about all that the folder holds at once.
    fn foresee(&self, entries: &[Entry], place: &mut Place, overflow: bool) -> io::Result<()> {
        let mut paths = Vec::new();
        for Entry { is_folder, name, .. } in entries.iter().filter(|entry| entry.name != OVERFLOW) {
            let length = place.enter(name);
            if *is_folder || !overflow && !is_temporary(name) && self.listing.accepts(&normalize(&place.prefix)) {
                paths.push(place.path.clone());
            }
            place.leave(length);
        }
        self.filter.foresee(paths)
    }

    fn walk_overflow(&self, parent: BorrowedFd, place: &mut Place, visit: &mut Visit) -> io::Result<()> {
        if let Some(folder) = open_inside(parent, OVERFLOW.as_ref())? {
            self.walk(folder, place, true, visit)?;
            self.prune_inside(parent, OVERFLOW.as_ref())?;
        }
        Ok(())
    }

    fn walk_folder(
        &self,
        parent: BorrowedFd,
        name: &OsStr,
        place: &mut Place,
        overflow: bool,
        visit: &mut Visit,
    ) -> io::Result<()> {
        let depth = place.prefix.iter().filter(|&&byte| byte == b':').count();
        let is_deepest = self.listing.relative_depth().is_some_and(|most| depth >= most);
        let length = place.enter(name);
        place.prefix.push(b':');
        if !self.filter.covers(&place.path)?
            && let Some(folder) = open_inside(parent, name)?
        {
            if !is_deepest {
                self.walk(folder, place, overflow, visit)?;
            } else if statat(&folder, VALUE, AtFlags::SYMLINK_NOFOLLOW).is_ok() {
                self.visit_value(folder.as_fd(), place, overflow, visit)?;
            }
            self.prune_inside(parent, name)?;
        }
        place.leave(length);
        Ok(())
    }

    /// The item that the folder is called as.
    fn visit_value(&self, folder: BorrowedFd, place: &Place, overflow: bool, visit: &mut Visit) -> io::Result<()> {
        let Some(key) = place.prefix.strip_suffix(b":") else { return Ok(()) };
        let key = &*normalize(key);
        if !self.listing.accepts(key) || self.filter.covers(&place.path)? {
            return Ok(());
        }
        let stale = overflow && self.root.metadata(&place.path).is_ok_and(|metadata| !metadata.is_dir());
        visit(&Item { key, folder, name: VALUE.as_ref(), stale })
    }

    fn collect(&self, folder: BorrowedFd, name: &OsStr) {
        if !self.collect || !is_unfinished(name) {
            return;
        }
        let Ok(stat) = statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) else { return };
        let written = UNIX_EPOCH + Duration::from_secs(u64::try_from(stat.st_mtime).unwrap_or_default());
        if SystemTime::now().duration_since(written).is_ok_and(|age| age > ABANDONED) {
            // If it cannot be removed, it is in nobody's way.
            let _ = unlinkat(folder, name, AtFlags::empty());
        }
    }

    fn prune_inside(&self, parent: BorrowedFd, name: &OsStr) -> io::Result<()> {
        if !self.prune {
            return Ok(());
        }
        match unlinkat(parent, name, AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOTEMPTY | Errno::EXIST | Errno::NOENT | Errno::NOTDIR | Errno::BUSY) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Prunes a folder that the walk began with.
    fn prune(&self, path: &Path) -> io::Result<()> {
        if let (Some(parent), Some(name)) = (path.parent(), path.file_name())
            && let Some(parent) = self.descend(parent)?
        {
            self.prune_inside(parent.as_fd(), name)?;
        }
        Ok(())
    }

    /// The folder at `path`, if no link is on the way there from the base.
    fn descend(&self, path: &Path) -> io::Result<Option<OwnedFd>> {
        let base = &self.root.base;
        let start = self.root.open(base, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty());
        let Some(mut folder) = found(start)? else { return Ok(None) };
        for name in path.strip_prefix(base).unwrap_or(path) {
            let Some(inner) = open_inside(folder.as_fd(), name)? else { return Ok(None) };
            folder = inner;
        }
        Ok(Some(folder))
    }
}

struct Entry {
    is_folder: bool,
    is_link: bool,
    name: OsString,
}

/// What a folder holds, as unstorage lists it: by name, files before folders.
fn entries(folder: &mut Dir) -> io::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    while let Some(entry) = folder.read() {
        let entry = entry?;
        let name = OsStr::from_bytes(entry.file_name().to_bytes());
        if name == "." || name == ".." {
            continue;
        }
        let kind = match entry.file_type() {
            FileType::Unknown => match statat(folder.fd()?, name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) => FileType::from_raw_mode(stat.st_mode),
                Err(_) => continue,
            },
            kind => kind,
        };
        let (is_folder, is_link) = (kind == FileType::Directory, kind == FileType::Symlink);
        entries.push(Entry { is_folder, is_link, name: name.to_owned() });
    }
    entries.sort_unstable_by(|one, other| (one.is_folder, &one.name).cmp(&(other.is_folder, &other.name)));
    Ok(entries)
}

/// The folder `name`, unless it is gone or was replaced by a link.
fn open_inside(parent: BorrowedFd, name: &OsStr) -> io::Result<Option<OwnedFd>> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match openat(parent, name, flags, Mode::empty()) {
        Ok(folder) => Ok(Some(folder)),
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The folder of the listing's base.
pub fn folder(base: &Path, listing: &Listing) -> Result<PathBuf, Cause> {
    match listing.relative_base() {
        b"" => Ok(base.to_path_buf()),
        relative => path::of_key(base, relative),
    }
}
