//! How an item goes.

use std::{fs::Metadata, io, os::fd::BorrowedFd, path::Path};

use rustix::{
    fs::{AtFlags, unlinkat},
    io::Errno,
};

use super::{
    layout::{VALUE, beside_files},
    root::{Root, found},
    sync::sync_folder,
};

pub struct Remover<'a> {
    pub root: &'a Root,
    /// What is acknowledged survives the end of the system.
    pub durable: bool,
}

impl Remover<'_> {
    /// Removes the item of `path`. Overflow goes first: if this is interrupted, no older value comes to light.
    pub fn remove(&self, path: &Path) -> io::Result<()> {
        self.remove_beside_files(path, None)?;
        match self.remove_file(&path.join(VALUE)) {
            // A link in a circle leads to no folder, and goes as an item.
            Err(error) if self.root.follow && Errno::from_io_error(&error) == Some(Errno::LOOP) => {}
            result => result?,
        }
        self.remove_file(path)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return Ok(()) };
        let Some(folder) = found(self.root.folder(parent))? else { return Ok(()) };
        match unlinkat(&folder, name, AtFlags::empty()) {
            Ok(()) if self.durable => sync_folder(self.root, parent),
            Ok(()) | Err(Errno::NOENT | Errno::NOTDIR | Errno::ISDIR) => Ok(()),
            // Some systems say so of a folder.
            Err(Errno::PERM) if self.root.metadata(path).is_ok_and(|metadata: Metadata| metadata.is_dir()) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes a folder unless something needs it. Whether it is gone.
    pub fn remove_folder(&self, path: &Path) -> io::Result<bool> {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return Ok(false) };
        let Some(folder) = found(self.root.folder(parent))? else { return Ok(false) };
        Ok(unlinkat(&folder, name, AtFlags::REMOVEDIR).is_ok())
    }

    /// Removes the item of `path` where files were in its way, but for the place that is to `stay`, and the folders of
    /// overflow that are empty then.
    pub fn remove_beside_files(&self, path: &Path, stay: Option<&Path>) -> io::Result<()> {
        let open = |folder: BorrowedFd, path: &Path| self.root.folder_at(folder, path);
        beside_files(&self.root.base, path, open, |place| {
            let Some(folder) = place.parent().filter(|_| Some(place) != stay) else { return Ok(()) };
            if found(self.root.folder(folder))?.is_none() {
                return Ok(());
            }
            self.remove_file(place)?;
            for folder in folder.ancestors().take_while(|folder| !path.starts_with(folder)) {
                if !self.remove_folder(folder)? {
                    break;
                }
            }
            Ok(())
        })
    }
}
