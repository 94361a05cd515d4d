//! How a value gets out of its file.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use rustix::{
    buffer::spare_capacity,
    fs::{FileType, Mode, OFlags, Stat, fstat},
    io::retry_on_intr,
};

use super::{
    layout::Found,
    root::{Root, found},
};
use crate::driver::Deferred;

/// The item's value, and what the file was that held it.
pub fn read(root: &Root, path: &Path) -> io::Result<Option<(Vec<u8>, Stat)>> {
    let opened = root.find(path, |path| {
        let Some(file) = found(root.open(path, OFlags::RDONLY, Mode::empty()))? else {
            return Ok(Found::Nothing);
        };
        let file = File::from(file);
        let stat = fstat(&file)?;
        let kind = FileType::from_raw_mode(stat.st_mode);
        Ok(if kind == FileType::Directory { Found::Folder } else { Found::Item((file, kind, stat)) })
    })?;
    let Some((file, kind, stat)) = opened else { return Ok(None) };
    if kind != FileType::RegularFile {
        return Err(irregular());
    }
    let length = u64::try_from(stat.st_size).unwrap_or_default();
    Deferred::unless_allowed(length)?;
    Ok(Some((read_all(&file, length)?, stat)))
}

/// What the file holds, which said that it is so long.
fn read_all(mut file: &File, length: u64) -> io::Result<Vec<u8>> {
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    let mut bytes = Vec::new();
    // A file may say that it is larger than memory. One byte more, so that the first read finds the end.
    bytes.try_reserve_exact(length.saturating_add(1)).map_err(|_| io::ErrorKind::OutOfMemory)?;
    while retry_on_intr(|| rustix::io::read(file, spare_capacity(&mut bytes)))? > 0 {
        if bytes.len() == length {
            return Ok(bytes);
        }
        if bytes.len() == bytes.capacity() {
            // It is longer by now, or never says how long it is.
            file.read_to_end(&mut bytes)?;
            return Ok(bytes);
        }
    }
    Ok(bytes)
}

/// Reading it might never end.
pub fn irregular() -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, "a device, a pipe or a socket holds no value")
}
