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
    fs::{AtFlags, Mode, OFlags, fstat, openat, statat, unlinkat},
    io::Errno,
};

use super::{
    blame,
    entries::{Entries, Entry},
    identity::Identity,
    ignore::Filter,
    layout::{OVERFLOW, VALUE, is_temporary, is_unfinished},
    path,
    root::Root,
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

/// How many folders a walk holds open: the deepest ones. To the others it comes back from those.
const MOST_OPEN: usize = 16;

/// How a walk opens folders.
const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// A folder that a walk is in.
struct Level {
    /// Empty for the one that it began with.
    name: OsString,
    /// None while the walk is far below.
    folder: Option<OwnedFd>,
    /// Which folder it was that was closed.
    closed: Option<Identity>,
    /// What it has not come to yet.
    entries: Entries,
    overflow: bool,
}

impl Level {
    fn close(&mut self) -> io::Result<()> {
        if let Some(folder) = self.folder.take() {
            self.closed = Some(Identity::from(&fstat(folder)?));
        }
        Ok(())
    }
}

/// The deepest folder that a walk is in.
struct Place {
    /// On the disk.
    disk: PathBuf,
    /// The bytes of the path of an item, which does not show overflow.
    path: Vec<u8>,
    /// As a key, with `:` at its end unless it is the base.
    prefix: Vec<u8>,
}

impl Place {
    fn enter(&mut self, name: &OsStr) {
        self.disk.push(name);
        if name != OVERFLOW {
            self.path.push(b'/');
            self.path.extend_from_slice(name.as_bytes());
            self.prefix.extend_from_slice(name.to_string_lossy().as_bytes());
            self.prefix.push(b':');
        }
    }

    fn leave(&mut self, name: &OsStr) {
        self.disk.pop();
        if name != OVERFLOW {
            self.path.truncate(self.path.len() - name.len() - 1);
            self.prefix.truncate(self.prefix.len() - name.to_string_lossy().len() - 1);
        }
    }

    /// Calls `act` with the path and the key of the item `name` in the folder.
    fn with<T>(&mut self, name: &OsStr, act: impl FnOnce(&Path, &[u8]) -> T) -> T {
        let lengths = (self.path.len(), self.prefix.len());
        self.path.push(b'/');
        self.path.extend_from_slice(name.as_bytes());
        self.prefix.extend_from_slice(name.to_string_lossy().as_bytes());
        let result = act(self.path(), &normalize(&self.prefix));
        self.path.truncate(lengths.0);
        self.prefix.truncate(lengths.1);
        result
    }

    fn path(&self) -> &Path {
        Path::new(OsStr::from_bytes(&self.path))
    }

    fn depth(&self) -> usize {
        self.prefix.iter().filter(|&&byte| byte == b':').count()
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
        // Where a file is in the way of the folder, or was, its items lie beside that file.
        for overflow in self.overflows(&start)? {
            let above = overflow.parent().unwrap_or(base);
            let disk = overflow.join(start.strip_prefix(above).unwrap_or(&start));
            self.walk(&disk, &start, true, visit)?;
            if self.prune {
                for folder in disk.ancestors().take_while(|folder| folder.starts_with(&overflow)) {
                    self.prune(folder)?;
                }
            }
        }
        self.walk(&start, &start, false, visit)?;
        if self.prune && start != *base {
            self.prune(&start)?;
        }
        Ok(())
    }

    /// The folders of overflow on the way to a folder.
    fn overflows(&self, path: &Path) -> Result<Vec<PathBuf>, Cause> {
        let base = &self.root.base;
        let (mut overflows, mut way) = (Vec::new(), base.clone());
        let Some(mut folder) = self.descend(base)? else { return Ok(overflows) };
        for name in path.strip_prefix(base).unwrap_or(path) {
            let overflow = way.join(OVERFLOW);
            if self.open_inside(folder.as_fd(), OVERFLOW.as_ref(), &overflow)?.is_some() {
                overflows.push(overflow);
            }
            way.push(name);
            let Some(inner) = self.open_inside(folder.as_fd(), name, &way)? else { break };
            folder = inner;
        }
        Ok(overflows)
    }

    /// Walks over the folder `disk`, which holds what is under `path`.
    fn walk(&self, disk: &Path, path: &Path, overflow: bool, visit: &mut Visit) -> Result<(), Cause> {
        let Some(folder) = self.descend(disk)? else { return Ok(()) };
        let mut place = Place {
            disk: disk.to_path_buf(),
            path: if path == Path::new("/") { Vec::new() } else { path.as_os_str().as_bytes().to_vec() },
            prefix: self.listing.relative_base().to_vec(),
        };
        let mut levels = vec![self.open(OsString::new(), folder, overflow, &mut place)?];
        while let Some(level) = levels.last_mut() {
            let Some(entry) = level.entries.next() else {
                self.leave(&mut levels, &mut place)?;
                continue;
            };
            // It was gone when the walk came back.
            let Some(folder) = &level.folder else { continue };
            let folder = folder.as_fd();
            if !entry.is_folder {
                self.visit(folder, &entry, level.overflow, &mut place, visit)?;
            } else if !self.is_below(folder, entry.name, &place)
                && let Some(inner) = self.enter(folder, entry.name, &mut place)?
            {
                let overflow = level.overflow || entry.name == OVERFLOW;
                let inner = self.open(entry.name.to_owned(), inner, overflow, &mut place)?;
                levels.push(inner);
                if let Some(above) = levels.len().checked_sub(MOST_OPEN + 1) {
                    levels[above].close()?;
                }
            }
        }
        Ok(())
    }

    /// Reads the folder that is the place.
    fn open(&self, name: OsString, folder: OwnedFd, overflow: bool, place: &mut Place) -> Result<Level, Cause> {
        let is_too_deep = self.listing.relative_depth().is_some_and(|most| place.depth() > most);
        let entries = if is_too_deep {
            // Of what it holds the item that it is called as, alone.
            Entries::only(folder.as_fd(), VALUE)
        } else {
            Entries::of(folder.as_fd()).map_err(|error| self.blame(&place.disk, error))?
        };
        if self.filter.asks() {
            self.foresee(&entries, place, overflow)?;
        }
        Ok(Level { name, folder: Some(folder), closed: None, entries, overflow })
    }

    /// The folder `name` lies below the depth that is listed, and no item is called as it. Most such folders are settled here, without
    /// being opened.
    fn is_below(&self, parent: BorrowedFd, name: &OsStr, place: &Place) -> bool {
        name != OVERFLOW
            && self.listing.relative_depth().is_some_and(|most| place.depth() + 1 > most)
            && statat(parent, Path::new(name).join(VALUE), AtFlags::SYMLINK_NOFOLLOW).err() == Some(Errno::NOENT)
    }

    /// Goes into the folder `name`, unless it is ignored or gone.
    fn enter(&self, parent: BorrowedFd, name: &OsStr, place: &mut Place) -> Result<Option<OwnedFd>, Cause> {
        place.enter(name);
        let ignored = name != OVERFLOW && self.filter.covers(place.path())?;
        let folder = if ignored { None } else { self.open_inside(parent, name, &place.disk)? };
        if folder.is_none() {
            place.leave(name);
        }
        Ok(folder)
    }

    /// Goes back to the folder above.
    fn leave(&self, levels: &mut Vec<Level>, place: &mut Place) -> Result<(), Cause> {
        let Some(Level { name, folder, .. }) = levels.pop() else { return Ok(()) };
        let Some(above) = levels.last_mut() else { return Ok(()) };
        let disk = place.disk.clone();
        place.leave(&name);
        if above.folder.is_none() {
            above.folder = self.reopen(above, folder.as_ref(), &place.disk)?;
        }
        match &above.folder {
            Some(parent) if self.prune => self.prune_inside(parent.as_fd(), &name, &disk),
            _ => Ok(()),
        }
    }

    /// Opens the deepest folder again, which is `disk`, from the one in it that the walk comes back from.
    fn reopen(&self, level: &Level, inner: Option<&OwnedFd>, disk: &Path) -> Result<Option<OwnedFd>, Cause> {
        if let (Some(inner), Some(closed)) = (inner, level.closed)
            && let Ok(folder) = openat(inner, "..", FOLDER, Mode::empty())
            // The inner one may have been moved.
            && Identity::from(&fstat(&folder)?) == closed
        {
            return Ok(Some(folder));
        }
        self.descend(disk)
    }

    /// Asks about all that the folder holds at once.
    fn foresee(&self, entries: &Entries, place: &mut Place, overflow: bool) -> io::Result<()> {
        let mut paths = Vec::new();
        for Entry { is_folder, name, .. } in entries.iter().filter(|entry| entry.name != OVERFLOW) {
            place.with(name, |path, key| {
                if is_folder || !overflow && !is_temporary(name) && self.listing.accepts(key) {
                    paths.push(path.to_path_buf());
                }
            });
        }
        self.filter.foresee(paths)
    }

    /// What is no folder.
    fn visit(
        &self,
        folder: BorrowedFd,
        entry: &Entry,
        overflow: bool,
        place: &mut Place,
        visit: &mut Visit,
    ) -> Result<(), Cause> {
        let name = entry.name;
        let visited = if name == VALUE {
            self.visit_value(folder, place, overflow, visit)
        } else if is_temporary(name) {
            self.collect(folder, name);
            Ok(())
        } else if overflow || entry.is_link && !self.root.follow {
            Ok(())
        } else {
            place.with(name, |path, key| {
                if self.listing.accepts(key) && !self.filter.covers(path)? {
                    visit(&Item { key, folder, name, stale: false })?;
                }
                Ok(())
            })
        };
        visited.map_err(|error| self.blame(&place.disk.join(name), error))
    }

    /// The item that the folder is called as.
    fn visit_value(&self, folder: BorrowedFd, place: &Place, overflow: bool, visit: &mut Visit) -> io::Result<()> {
        let Some(key) = place.prefix.strip_suffix(b":") else { return Ok(()) };
        let key = &*normalize(key);
        if !self.listing.accepts(key) || self.filter.covers(place.path())? {
            return Ok(());
        }
        let stale = overflow && self.root.metadata(place.path()).is_ok_and(|metadata| !metadata.is_dir());
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

    fn prune_inside(&self, parent: BorrowedFd, name: &OsStr, path: &Path) -> Result<(), Cause> {
        match unlinkat(parent, name, AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOTEMPTY | Errno::EXIST | Errno::NOENT | Errno::NOTDIR | Errno::BUSY) => Ok(()),
            Err(error) => Err(self.blame(path, error.into())),
        }
    }

    /// Prunes a folder that the walk began with.
    fn prune(&self, path: &Path) -> Result<(), Cause> {
        if let (Some(parent), Some(name)) = (path.parent(), path.file_name())
            && let Some(parent) = self.descend(parent)?
        {
            self.prune_inside(parent.as_fd(), name, path)?;
        }
        Ok(())
    }

    /// The folder at `path`, if no link is on the way there from the base.
    fn descend(&self, path: &Path) -> Result<Option<OwnedFd>, Cause> {
        let base = &self.root.base;
        let start = self.root.open(base, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty());
        let mut folder = match start {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            start => start.map_err(Cause::Base)?,
        };
        let mut way = base.clone();
        for name in path.strip_prefix(base).unwrap_or(path) {
            way.push(name);
            let Some(inner) = self.open_inside(folder.as_fd(), name, &way)? else { return Ok(None) };
            folder = inner;
        }
        Ok(Some(folder))
    }

    /// The folder `name`, which is `path`, unless it is gone or was replaced by a link.
    fn open_inside(&self, parent: BorrowedFd, name: &OsStr, path: &Path) -> Result<Option<OwnedFd>, Cause> {
        match openat(parent, name, FOLDER, Mode::empty()) {
            Ok(folder) => Ok(Some(folder)),
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(None),
            Err(error) => Err(self.blame(path, error.into())),
        }
    }

    fn blame(&self, path: &Path, error: io::Error) -> Cause {
        blame::cause(self.root, path, error)
    }
}

/// The folder of the listing's base.
pub fn folder(base: &Path, listing: &Listing) -> Result<PathBuf, Cause> {
    match listing.relative_base() {
        b"" => Ok(base.to_path_buf()),
        relative => path::of_key(base, relative),
    }
}
