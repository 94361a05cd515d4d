//! The way down to a file, folder by folder.

use std::{
    ffi::OsStr,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    path::{Path, PathBuf},
};

use rustix::fs::CWD;

/// After so many names the system goes on from a folder that is open. If it came from the root each time, a way would take time that grows
/// with the square of its length.
const STRIDE: usize = 16;

/// Where a way down has come to. `open` opens the folder at a path from another folder; None if there is none.
pub struct Descent<F> {
    open: F,
    /// The last folder that was opened, and the way from there.
    near: Option<OwnedFd>,
    way: PathBuf,
    names: usize,
}

impl<F, E> Descent<F>
where
    F: FnMut(BorrowedFd, &Path) -> Result<Option<OwnedFd>, E>,
{
    pub fn new(base: &Path, open: F) -> Self {
        Self { open, near: None, way: base.to_path_buf(), names: 0 }
    }

    /// Whether there is a folder of that name here.
    pub fn has(&mut self, name: impl AsRef<OsStr>) -> Result<bool, E> {
        self.way.push(name.as_ref());
        let folder = self.open();
        self.way.pop();
        Ok(folder?.is_some())
    }

    /// Goes into the folder of that name. False if it turned out that there is no such way.
    pub fn enter(&mut self, name: impl AsRef<OsStr>) -> Result<bool, E> {
        self.way.push(name.as_ref());
        self.names += 1;
        if self.names.is_multiple_of(STRIDE) {
            self.near = self.open()?;
            self.way = PathBuf::new();
            return Ok(self.near.is_some());
        }
        Ok(true)
    }

    fn open(&mut self) -> Result<Option<OwnedFd>, E> {
        (self.open)(self.near.as_ref().map_or(CWD, AsFd::as_fd), &self.way)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, io};

    #[test]
    fn a_way_is_as_much_work_as_it_is_long() {
        let base = tempfile::tempdir().unwrap();
        let mut opened = Vec::new();
        let mut descent = Descent::new(base.path(), |_: BorrowedFd, path: &Path| {
            opened.push(path.iter().count());
            tempfile::tempfile().map(|file| Some(file.into()))
        });
        for _ in 0..2000 {
            assert!(descent.has("other").unwrap() && descent.enter("folder").unwrap());
        }
        assert!(opened.into_iter().max().unwrap() <= base.path().iter().count() + STRIDE);
    }

    #[test]
    fn it_ends_where_there_is_no_way() {
        let base = tempfile::tempdir().unwrap();
        let open = |folder: BorrowedFd, path: &Path| {
            use rustix::fs::{Mode, OFlags, openat};
            match openat(folder, path, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty()) {
                Err(rustix::io::Errno::NOENT) => Ok(None),
                folder => Ok::<_, io::Error>(Some(folder?)),
            }
        };
        fs::create_dir_all(base.path().join("a/".repeat(40))).unwrap();
        let mut descent = Descent::new(base.path(), open);
        for _ in 0..40 {
            assert!(descent.has("a").unwrap() && !descent.has("b").unwrap() && descent.enter("a").unwrap());
        }
        assert!(!descent.has("a").unwrap());
        assert!((0..STRIDE).any(|_| !descent.enter("a").unwrap()));
    }
}
