//! How a value gets into its file.

use std::{
    ffi::OsStr,
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

/// unstorage's prefix: neither library lists the other's unfinished files.
const TEMPORARY_PREFIX: &str = ".unstorage-tmp-";

static COUNTER: AtomicU64 = AtomicU64::new(0);

pub fn is_temporary(name: &OsStr) -> bool {
    name.to_str().is_some_and(|name| {
        name.strip_prefix(TEMPORARY_PREFIX).is_some_and(|rest| {
            !rest.is_empty() && rest.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
        })
    })
}

/// Writes `value` to `path`, making the folders above it. With `atomic`, other readers see the old value or the new one.
pub fn write(path: &Path, value: &[u8], atomic: bool) -> io::Result<()> {
    let attempt = || if atomic { replace(path, value) } else { fs::write(path, value) };
    match attempt() {
        // Rarely the folder is missing: so it is made when that shows.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)?;
            }
            attempt()
        }
        result => result,
    }
}

fn replace(path: &Path, value: &[u8]) -> io::Result<()> {
    let mode = match fs::symlink_metadata(path) {
        // A link stays a link, and all names of a file keep one content: such a file is written through.
        Ok(metadata) if metadata.is_symlink() || has_several_names(&metadata) => return fs::write(path, value),
        Ok(metadata) => Some(metadata.permissions()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let (temporary, mut file) = create_beside(path)?;
    let written = file
        .write_all(value)
        .and_then(|()| mode.map_or(Ok(()), |mode| file.set_permissions(mode)))
        .and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // The write's own error is the one to report.
        let _ = fs::remove_file(&temporary);
    }
    written
}

fn create_beside(path: &Path) -> io::Result<(std::path::PathBuf, File)> {
    loop {
        let count = COUNTER.fetch_add(1, Ordering::Relaxed);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
        let name = format!("{TEMPORARY_PREFIX}{:x}-{now:x}-{count:x}", std::process::id());
        let temporary = path.with_file_name(name);
        match OpenOptions::new().write(true).create_new(true).open(&temporary) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            result => return result.map(|file| (temporary, file)),
        }
    }
}

#[cfg(unix)]
fn has_several_names(metadata: &fs::Metadata) -> bool {
    std::os::unix::fs::MetadataExt::nlink(metadata) > 1 && metadata.is_file()
}

#[cfg(not(unix))]
fn has_several_names(_: &fs::Metadata) -> bool {
    false
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    #[test]
    fn a_rename_keeps_the_mode_and_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/er/item");
        write(&path, b"old", true).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let inode = fs::metadata(&path).unwrap().ino();
        write(&path, b"new", true).unwrap();
        let metadata = fs::metadata(&path).unwrap();
        assert_eq!((metadata.mode() & 0o7777, metadata.ino() == inode), (0o640, false));
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn links_are_written_through() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("file"), "old").unwrap();
        symlink(at("file"), at("soft")).unwrap();
        fs::hard_link(at("file"), at("hard")).unwrap();
        write(&at("soft"), b"soft", true).unwrap();
        assert_eq!(fs::read(at("hard")).unwrap(), b"soft");
        write(&at("hard"), b"hard", true).unwrap();
        assert_eq!(fs::read(at("file")).unwrap(), b"hard");
        assert!(fs::symlink_metadata(at("soft")).unwrap().is_symlink());
    }
}
