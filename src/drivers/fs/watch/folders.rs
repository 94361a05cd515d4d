//! The folders that are watched, and what was last seen in them.

use std::{
    collections::HashMap,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    sync::atomic::Ordering,
};

use notify::{RecursiveMode, Watcher as _};

use super::{
    super::{identity::Identity, stamp::Stamp},
    FALLBACK, Phase, WATCHES_TREES, Watcher,
    hints::Hint,
    system,
};
use crate::error::Cause;

/// An entry of a folder as it was last seen.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Known {
    /// With the time when the item expires.
    File(Stamp, Option<u64>),
    Folder(Identity),
}

impl Watcher {
    /// Watches the folders that were found, and those that are found in them. Nothing here calls itself: keys can be so deep that no
    /// stack would do.
    pub(super) fn enter_found(&mut self) {
        while let Some(folder) = self.found.pop() {
            // It may have gone again.
            let is_there = self.known(&folder).is_some_and(|known| matches!(known, Known::Folder(_)));
            if is_there && let Err(cause) = self.enter(&folder) {
                self.failure.get_or_insert(cause);
            }
        }
    }

    /// What was at a path in a watched folder.
    pub(super) fn known(&self, path: &Path) -> Option<Known> {
        self.folders.get(path.parent()?)?.get(path.file_name()?).copied()
    }

    /// Watches a folder, and looks at what it holds.
    pub(super) fn enter(&mut self, folder: &Path) -> Result<(), Cause> {
        // First the watch: what comes after the look is reported.
        self.watch(folder)?;
        self.folders.insert(folder.to_path_buf(), HashMap::new());
        if folder == self.scope.root.base {
            fs::read_dir(folder).map_err(Cause::Base)?;
        }
        self.look_into(folder);
        Ok(())
    }

    /// Watches a folder anew, and those in it: it was known by its name, and may be another one by now.
    pub(super) fn refresh(&mut self, folder: &Path) {
        let mut folders = vec![folder.to_path_buf()];
        while let Some(folder) = folders.pop() {
            let Some(entries) = self.folders.get(&folder) else { continue };
            folders.extend(inner_folders(&folder, entries));
            if let Some(system) = &mut self.system {
                let _ = system.unwatch(&folder);
            }
            // A folder that may no longer be read is looked at in vain.
            let _ = self.watch(&folder);
            self.look_into(&folder);
        }
    }

    pub(super) fn watch(&mut self, folder: &Path) -> Result<(), Cause> {
        let Some(system) = &mut self.system else { return Ok(()) };
        if WATCHES_TREES && folder != self.scope.root.base {
            return Ok(());
        }
        let mode = if WATCHES_TREES { RecursiveMode::Recursive } else { RecursiveMode::NonRecursive };
        match system.watch(folder, mode) {
            // It has gone again, or may not be read.
            Err(error) if folder != self.scope.root.base && system::is_unreadable(&error) => Ok(()),
            Err(error) if self.phase != Phase::Running => Err(system::to_cause(error, &self.scope.root, folder)),
            // There is nobody to tell: what cannot be watched is looked at again and again.
            Err(_) => {
                self.polling = Some(self.polling.map_or(FALLBACK, |known| known.min(FALLBACK)));
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    /// Looks at all that a watched folder holds.
    pub(super) fn look_into(&mut self, folder: &Path) {
        let mut gone: Vec<OsString> =
            self.folders.get(folder).map(|known| known.keys().cloned().collect()).unwrap_or_default();
        if let Ok(entries) = fs::read_dir(folder) {
            let mut names: Vec<OsString> = entries.filter_map(|entry| Some(entry.ok()?.file_name())).collect();
            names.sort_unstable();
            gone.retain(|name| names.binary_search(name).is_err());
            for name in names {
                self.look(&folder.join(name), Hint::default());
            }
        }
        for name in gone {
            self.look(&folder.join(name), Hint::default());
        }
    }

    pub(super) fn see(&self, path: &Path) -> Option<Known> {
        let metadata = fs::symlink_metadata(path).ok()?;
        if metadata.is_dir() {
            return Some(Known::Folder(Identity::from(&metadata)));
        }
        let metadata = match metadata.is_symlink() {
            true if !self.scope.root.follow => return None,
            true => fs::metadata(path).unwrap_or(metadata),
            false => metadata,
        };
        let (stamp, known) = (Stamp::from(&metadata), &self.scope.expiries);
        let expires = if known.is_empty() { None } else { known.expires(self.key(path).as_bytes(), stamp) };
        Some(Known::File(stamp, expires))
    }

    /// Compares what is at a path with what was known of it.
    pub(super) fn look(&mut self, path: &Path, hint: Hint) {
        if self.stopped.load(Ordering::Acquire) {
            return;
        }
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return };
        let Some(known) = self.folders.get(folder).map(|known| known.get(name).copied()) else { return };
        let seen = self.see(path);
        let same = match seen {
            Some(Known::Folder(_)) => !hint.renamed,
            Some(Known::File(..)) => !hint.written,
            None => true,
        };
        if known == seen && same {
            return;
        }
        if known.is_none() && self.passes_over(path, name, matches!(seen, Some(Known::Folder(_)))) {
            return;
        }
        if let Some(entries) = self.folders.get_mut(folder) {
            match seen {
                Some(seen) => entries.insert(name.to_owned(), seen),
                None => entries.remove(name),
            };
        }
        match (known, seen) {
            (Some(Known::Folder(before)), Some(Known::Folder(after))) if before == after => return self.refresh(path),
            (Some(Known::Folder(_)), _) => self.forget(path),
            (Some(Known::File(_, expires)), Some(Known::Folder(_)) | None) => self.removed(path, expires),
            _ => {}
        }
        match seen {
            Some(Known::File(..)) => self.updated(path, !matches!(known, Some(Known::File(..)))),
            Some(Known::Folder(_)) => self.found.push(path.to_path_buf()),
            None => {}
        }
    }

    /// Forgets a watched folder, with all that it held.
    pub(super) fn forget(&mut self, folder: &Path) {
        let mut folders = vec![folder.to_path_buf()];
        while let Some(folder) = folders.pop() {
            let Some(entries) = self.folders.remove(&folder) else { continue };
            if let Some(system) = &mut self.system
                && (!WATCHES_TREES || folder == self.scope.root.base)
            {
                // Mostly the system has given it up already.
                let _ = system.unwatch(&folder);
            }
            folders.extend(inner_folders(&folder, &entries));
            for (name, known) in entries {
                if let Known::File(_, expires) = known {
                    self.removed(&folder.join(name), expires);
                }
            }
        }
    }
}

/// The folders among what was known of a folder.
fn inner_folders(folder: &Path, entries: &HashMap<OsString, Known>) -> impl Iterator<Item = PathBuf> {
    entries.iter().filter(|(_, known)| matches!(known, Known::Folder(_))).map(|(name, _)| folder.join(name))
}
