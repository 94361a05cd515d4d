//! The files under a base.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use super::{found, path, write};
use crate::{error::Cause, key::Listing};

/// What is not listed.
pub struct Ignore {
    globs: GlobSet,
    prefixes: Vec<PathBuf>,
}

impl Ignore {
    pub fn new(patterns: &[String]) -> Result<Self, globset::Error> {
        let (absolute, relative): (Vec<_>, Vec<_>) =
            patterns.iter().partition(|pattern| Path::new(pattern).is_absolute());
        let mut globs = GlobSetBuilder::new();
        for pattern in relative {
            globs.add(GlobBuilder::new(pattern).literal_separator(true).build()?);
        }
        Ok(Self { globs: globs.build()?, prefixes: absolute.into_iter().map(PathBuf::from).collect() })
    }

    fn covers(&self, base: &Path, path: &Path) -> bool {
        let is_under =
            |prefix: &PathBuf| path.as_os_str().as_encoded_bytes().starts_with(prefix.as_os_str().as_encoded_bytes());
        self.prefixes.iter().any(is_under)
            || path.strip_prefix(base).is_ok_and(|relative| self.globs.is_match(relative))
    }

    /// Nothing under the folder can be listed, so it need not be read.
    fn covers_folder(&self, base: &Path, path: &Path) -> bool {
        self.covers(base, path) || self.covers(base, &path.join("\u{1}"))
    }
}

/// Calls `found` with the key and path of each file that the listing accepts; only the folder of its base is read.
pub fn files(
    base: &Path,
    ignore: &Ignore,
    listing: &Listing,
    found: &mut dyn FnMut(&[u8], &Path) -> io::Result<()>,
) -> Result<(), Cause> {
    let start = folder(base, listing)?;
    let mut prefix = String::from_utf8_lossy(listing.relative_base()).into_owned();
    walk(base, ignore, listing, &start, &mut prefix, found)?;
    Ok(())
}

fn walk(
    base: &Path,
    ignore: &Ignore,
    listing: &Listing,
    folder: &Path,
    prefix: &mut String,
    visit: &mut dyn FnMut(&[u8], &Path) -> io::Result<()>,
) -> io::Result<()> {
    let Some(entries) = found(fs::read_dir(folder))? else {
        return Ok(());
    };
    let depth = prefix.bytes().filter(|&byte| byte == b':').count();
    let length = prefix.len();
    for entry in entries {
        let entry = entry?;
        let (name, path) = (entry.file_name(), entry.path());
        prefix.push_str(&name.to_string_lossy());
        if entry.file_type()?.is_dir() {
            prefix.push(':');
            let deep_enough = listing.relative_depth().is_some_and(|most| depth >= most);
            if !deep_enough && !ignore.covers_folder(base, &path) {
                walk(base, ignore, listing, &path, prefix, visit)?;
            }
        } else if listing.accepts(prefix.as_bytes()) && !write::is_temporary(&name) && !ignore.covers(base, &path) {
            visit(prefix.as_bytes(), &path)?;
        }
        prefix.truncate(length);
    }
    Ok(())
}

/// Removes the empty folders under the listing's base and that folder itself, but never the driver's base.
pub fn remove_empty_folders(base: &Path, ignore: &Ignore, listing: &Listing) -> Result<(), Cause> {
    prune(base, ignore, &folder(base, listing)?)?;
    Ok(())
}

fn prune(base: &Path, ignore: &Ignore, folder: &Path) -> io::Result<()> {
    let Some(entries) = found(fs::read_dir(folder))? else {
        return Ok(());
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() && !ignore.covers_folder(base, &entry.path()) {
            prune(base, ignore, &entry.path())?;
        }
    }
    if folder != base {
        match fs::remove_dir(folder) {
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {}
            result => {
                found(result)?;
            }
        }
    }
    Ok(())
}

/// The folder of the listing's base.
pub fn folder(base: &Path, listing: &Listing) -> Result<PathBuf, Cause> {
    match listing.relative_base() {
        b"" => Ok(base.to_path_buf()),
        relative => path::of_key(base, relative),
    }
}
