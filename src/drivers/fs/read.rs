//! How a value gets out of its file.

use std::{
    fs::{File, Metadata},
    io::{self, Read},
    path::Path,
};

use rustix::fs::{Mode, OFlags};

use super::{
    layout::{Found, find},
    root::{Root, found},
};
use crate::driver::Pool;

/// The item's value, and what the file was that held it.
pub fn read(root: &Root, path: &Path) -> io::Result<Option<(Vec<u8>, Metadata)>> {
    let opened = find(&root.base, path, |path| {
        let Some(file) = found(root.open(path, OFlags::RDONLY, Mode::empty()))? else {
            return Ok(Found::Nothing);
        };
        let file = File::from(file);
        let metadata = file.metadata()?;
        Ok::<_, io::Error>(if metadata.is_dir() { Found::Folder } else { Found::Item((file, metadata)) })
    })?;
    let Some((mut file, metadata)) = opened else { return Ok(None) };
    // One byte more than there is, so that the first read finds the end.
    let size = usize::try_from(metadata.len()).unwrap_or(usize::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    // A file may say that it is larger than memory.
    bytes.try_reserve_exact(size).map_err(|_| io::ErrorKind::OutOfMemory)?;
    Pool::get().transfer(metadata.len(), || file.read_to_end(&mut bytes))?;
    Ok(Some((bytes, metadata)))
}

/// The metadata of the file that holds the item.
pub fn metadata(root: &Root, path: &Path) -> io::Result<Option<Metadata>> {
    find(&root.base, path, |path| {
        Ok(match found(root.metadata(path))? {
            None => Found::Nothing,
            Some(metadata) if metadata.is_dir() => Found::Folder,
            Some(metadata) => Found::Item(metadata),
        })
    })
}
