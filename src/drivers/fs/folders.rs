//! One name for each folder under a base, whatever links lead there: so that calls on one file have one place.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use super::path;

/// Folders are looked up anew when so many are known.
const MOST_KNOWN: usize = 10_000;

/// What is known of a folder without waiting for a disk.
#[cfg_attr(not(target_os = "linux"), allow(dead_code))]
pub enum Way {
    /// No link is on the way there.
    Plain,
    Linked,
    /// It is missing, or takes a disk.
    Unknown,
}

pub struct Folders {
    base: PathBuf,
    /// None for a folder that is where its name says.
    known: Mutex<HashMap<PathBuf, Option<PathBuf>>>,
}

impl Folders {
    /// `base` is canonical.
    pub fn new(base: PathBuf) -> Self {
        Self { base, known: Mutex::default() }
    }

    /// The path with its folder's one name. A folder that is replaced by a link later has two.
    pub fn resolve(&self, path: PathBuf) -> PathBuf {
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return path };
        if folder == self.base {
            return path;
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(canonical) = known.get(folder) {
            return canonical.as_ref().map(|folder| folder.join(name)).unwrap_or(path);
        }
        let canonical = match way_to(folder) {
            Way::Unknown => return path,
            Way::Plain => None,
            Way::Linked => Some(path::canonical(folder)),
        };
        if known.len() >= MOST_KNOWN {
            known.clear();
        }
        known.insert(folder.to_path_buf(), canonical.clone());
        canonical.map(|folder| folder.join(name)).unwrap_or(path)
    }
}

#[cfg(target_os = "linux")]
use super::cached::way_to;

#[cfg(not(target_os = "linux"))]
fn way_to(folder: &std::path::Path) -> Way {
    if folder.exists() { Way::Linked } else { Way::Unknown }
}
