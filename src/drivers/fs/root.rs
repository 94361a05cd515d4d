//! How files under the base are opened.

use std::{
    ffi::OsStr,
    fs::{File, Metadata},
    io,
    os::fd::{BorrowedFd, OwnedFd},
    path::{Path, PathBuf},
};

use rustix::{
    fs::{CWD, Mode, OFlags},
    io::Errno,
};

use super::{
    layout::{self, Found},
    read::irregular,
};

#[derive(Clone)]
pub struct Root {
    pub base: PathBuf,
    /// Symbolic links lead where they lead, out of the base too. Otherwise a path with one is an error (ELOOP).
    pub follow: bool,
}

/// For looking at what a path leads to without reading it.
#[cfg(target_os = "linux")]
const LOOK: OFlags = OFlags::PATH;
#[cfg(not(target_os = "linux"))]
const LOOK: OFlags = OFlags::NONBLOCK;

impl Root {
    /// Opens a file. It waits for no other process, as a pipe would have it, and is not handed on to programs that are
    /// started.
    pub fn open(&self, path: &Path, flags: OFlags, mode: Mode) -> io::Result<OwnedFd> {
        self.open_at(CWD, path, flags, mode)
    }

    pub fn open_at(&self, folder: BorrowedFd, path: &Path, flags: OFlags, mode: Mode) -> io::Result<OwnedFd> {
        let flags = flags | OFlags::CLOEXEC | if flags.contains(LOOK) { LOOK } else { OFlags::NONBLOCK };
        let opened = if self.follow {
            rustix::fs::openat(folder, path, flags, mode)
        } else {
            open_without_links(folder, path, flags, mode)
        };
        // That is what a socket says, and a pipe that nobody reads.
        opened.map_err(|error| if error == Errno::NXIO { irregular() } else { error.into() })
    }

    pub fn folder(&self, path: &Path) -> io::Result<OwnedFd> {
        self.folder_of(CWD, path)
    }

    /// The folder at a path from another folder.
    pub fn folder_of(&self, folder: BorrowedFd, path: &Path) -> io::Result<OwnedFd> {
        self.open_at(folder, path, LOOK | OFlags::DIRECTORY, Mode::empty())
    }

    /// The same, if it is there.
    pub fn folder_at(&self, folder: BorrowedFd, path: &Path) -> io::Result<Option<OwnedFd>> {
        found(self.folder_of(folder, path))
    }

    /// Opens a folder so that it can be locked.
    pub fn lockable_folder(&self, path: &Path) -> io::Result<OwnedFd> {
        self.lockable(CWD, path, OFlags::DIRECTORY)
    }

    /// Opens a file so that it can be locked, and no link.
    pub fn lockable_file(&self, folder: BorrowedFd, name: &OsStr) -> io::Result<OwnedFd> {
        self.lockable(folder, Path::new(name), OFlags::NOFOLLOW)
    }

    /// What may not be read can be opened, and has no lock.
    fn lockable(&self, folder: BorrowedFd, path: &Path, flags: OFlags) -> io::Result<OwnedFd> {
        match self.open_at(folder, path, OFlags::RDONLY | flags, Mode::empty()) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                self.open_at(folder, path, LOOK | flags, Mode::empty())
            }
            result => result,
        }
    }

    /// Looks at each place where the item of `path` can lie: [`layout::find`] where a disk may be waited for.
    pub fn find<T>(&self, path: &Path, look: impl FnMut(&Path) -> io::Result<Found<T>>) -> io::Result<Option<T>> {
        layout::find(&self.base, path, |folder, path| self.folder_at(folder, path), look)
    }

    /// The metadata of the file that holds the item of `path`, and where it lies.
    pub fn locate(&self, path: &Path) -> io::Result<Option<(PathBuf, Metadata)>> {
        self.find(path, |place| {
            Ok(match found(self.metadata(place))? {
                None => Found::Nothing,
                Some(metadata) if metadata.is_dir() => Found::Folder,
                Some(metadata) => Found::Item((place.to_path_buf(), metadata)),
            })
        })
    }

    pub fn metadata(&self, path: &Path) -> io::Result<Metadata> {
        if self.follow {
            return path.metadata();
        }
        File::from(self.open(path, LOOK, Mode::empty())?).metadata()
    }
}

#[cfg(target_os = "linux")]
fn open_without_links(folder: BorrowedFd, path: &Path, flags: OFlags, mode: Mode) -> Result<OwnedFd, Errno> {
    rustix::fs::openat2(folder, path, flags, mode, rustix::fs::ResolveFlags::NO_SYMLINKS)
}

/// `Fs::new` refuses the option here.
#[cfg(not(target_os = "linux"))]
fn open_without_links(_: BorrowedFd, _: &Path, _: OFlags, _: Mode) -> Result<OwnedFd, Errno> {
    Err(Errno::OPNOTSUPP)
}

/// None where the path leads nowhere.
pub fn found<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) => match error.kind() {
            // A path that is too long leads nowhere.
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::InvalidFilename => Ok(None),
            _ => Err(error),
        },
    }
}
