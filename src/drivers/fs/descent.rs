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
