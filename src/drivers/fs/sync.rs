//! How files and their names get onto the disk, for `durable`.

use std::{
    collections::HashSet,
    fs::File,
    io::{self, ErrorKind},
    os::{fd::AsFd, unix::fs::MetadataExt},
    path::Path,
    sync::{Mutex, PoisonError},
    time::SystemTime,
};

use rustix::{
    fs::{Mode, OFlags, fsync},
    io::Errno,
};

use super::root::{Root, found};

/// Folders are synced anew when so many are known.
const MOST_KNOWN: usize = 10_000;

pub fn sync_file(file: &File) -> io::Result<()> {
    #[cfg(test)]
    observed::note(file);
    file.sync_all()
}

/// Makes what is in the folder durable: the names of new files too. If another process has removed it meanwhile, nothing is
/// left to do.
pub fn sync_folder(root: &Root, path: &Path) -> io::Result<()> {
    let Some(folder) = found(root.open(path, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty()))? else {
        return Ok(());
    };
    #[cfg(test)]
    observed::note(&folder);
    match fsync(folder.as_fd()) {
        // Some file systems have no such thing for folders.
        Err(Errno::INVAL) => Ok(()),
        result => Ok(result?),
    }
}

/// Makes everything under the base durable.
#[cfg_attr(not(target_os = "linux"), expect(unused_variables, reason = "there all file systems are written out"))]
pub fn sync_all(root: &Root) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    if let Some(base) = found(root.open(&root.base, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty()))? {
        #[cfg(test)]
        observed::note(&base);
        rustix::fs::syncfs(base)?;
    }
    #[cfg(not(target_os = "linux"))]
    rustix::fs::sync();
    Ok(())
}

/// The folders whose own names are on the disk, and the names of all folders above them.
#[derive(Default)]
pub struct Ways {
    known: Mutex<HashSet<Folder>>,
}

/// A folder that takes the number of one that was removed has another time.
type Folder = (u64, u64, Option<SystemTime>);

impl Ways {
    /// Makes what is in the folder durable, and the way there, whoever made it.
    pub fn sync(&self, root: &Root, path: &Path) -> io::Result<()> {
        sync_folder(root, path)?;
        let Some(metadata) = found(path.metadata())? else { return Ok(()) };
        let folder = (metadata.dev(), metadata.ino(), metadata.created().ok());
        if self.known.lock().unwrap_or_else(PoisonError::into_inner).contains(&folder) {
            return Ok(());
        }
        let base = root.base.canonicalize()?;
        for above in path.canonicalize()?.ancestors().skip(1) {
            match sync_folder(root, above) {
                // Who may not look into a folder outside, or write there, has made nothing in it.
                Err(error)
                    if !above.starts_with(&base)
                        && matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem) => {}
                result => result?,
            }
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST_KNOWN {
            known.clear();
        }
        known.insert(folder);
        Ok(())
    }
}

/// What was synced on this thread: there is no other way to see it than to cut the power.
#[cfg(test)]
pub mod observed {
    use std::{
        cell::RefCell,
        os::fd::{AsFd, AsRawFd},
        path::PathBuf,
    };

    thread_local! {
        static SYNCED: RefCell<Vec<PathBuf>> = RefCell::default();
    }

    pub fn note(file: &impl AsFd) {
        let link = format!("/proc/self/fd/{}", file.as_fd().as_raw_fd());
        SYNCED.with_borrow_mut(|synced| synced.extend(std::fs::read_link(link)));
    }

    pub fn take() -> Vec<PathBuf> {
        SYNCED.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        driver::{BlockingDriver, CallOptions},
        drivers::fs::Fs,
        key::Listing,
    };

    #[test]
    fn a_durable_clear_syncs_what_is_under_the_base() {
        let base = tempfile::tempdir().unwrap();
        for durable in [true, false] {
            let options = format!("{{ \"base\": {:?}, \"durable\": {durable} }}", base.path());
            let driver = Fs::new("fs", serde_json::from_str(&options).unwrap()).unwrap();
            driver.set(b"dir:item", b"value", CallOptions::default()).unwrap();
            observed::take();
            let listing = Listing { hidden: true, ..Listing::default() };
            driver.clear(&listing, &mut |_| unreachable!("globs ask nobody"), &mut |_| {}).unwrap();
            assert_eq!(observed::take().contains(&base.path().canonicalize().unwrap()), durable);
        }
    }
}
