//! One place for each file, whatever names and links lead there: so that calls on one file keep their order.
//!
//! A place is the path that no link is on. What is reached through a link has the place of the path with the link as well, as the link
//! may go or lead elsewhere while calls are under way, and a file with several names also the one of its inode. All of it is looked up on the calling thread, which must not wait for a disk: what the
//! kernel does not have in memory goes by its path alone.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use rustix::fs::{FileType, Stat, lstat};

use super::{identity::Identity, path};
use crate::driver::{Place, Places};

/// How long folders are taken to be what they were: a link may take their place. It is enough for calls that are made at once.
const FRESH: Duration = Duration::from_micros(100);
/// A look that takes so long has waited, perhaps for a disk. After so many of them one after another only the kernel's memory is
/// asked for a while, which takes three calls.
const LONG: Duration = Duration::from_micros(50);
const MOST_LONG: u32 = 3;
const WHILE: Duration = Duration::from_secs(1);
/// As many links as Linux follows.
const MOST_LINKS: usize = 40;

/// What is known of a folder without waiting for a disk.
#[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "elsewhere no way is known to be plain"))]
pub enum Way {
    /// No link is on the way there.
    Plain,
    Linked,
    /// It is missing, or takes a disk.
    Unknown,
}

/// Finds the places of the items under a base.
pub struct Finder {
    base: PathBuf,
    known: Mutex<Known>,
}

struct Known {
    since: Instant,
    /// The base as every other driver over it names it.
    base: PathBuf,
    /// By path under that base.
    folders: HashMap<PathBuf, Folder>,
    /// How many of the last looks took long, and until when no other may.
    long: u32,
    slow: Option<Instant>,
}

enum Folder {
    Plain,
    /// It is there.
    Linked(PathBuf),
    Unknown,
}

impl Finder {
    pub fn new(base: PathBuf) -> Self {
        let canonical = path::canonical(&base);
        let known = Known { since: Instant::now(), base: canonical, folders: HashMap::new(), long: 0, slow: None };
        Self { base, known: Mutex::new(known) }
    }

    /// Where `path` makes the item's file of the base.
    pub fn item<E>(&self, path: impl FnOnce(&Path) -> Result<PathBuf, E>) -> Result<Places, E> {
        let mut known = self.known();
        let path = path(&known.base)?;
        Ok(known.item(path))
    }

    /// What the places of all items begin with that are in the folder.
    pub fn folder<E>(&self, path: impl FnOnce(&Path) -> Result<PathBuf, E>) -> Result<Place, E> {
        let mut known = self.known();
        let path = path(&known.base)?;
        let path = if let Folder::Linked(canonical) = known.folder(&path) { canonical.clone() } else { path };
        let mut name = path.into_os_string().into_encoded_bytes();
        if name.last() != Some(&b'/') {
            name.push(b'/');
        }
        Ok(Place::of_path(&name))
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if now.duration_since(known.since) > FRESH {
            known.since = now;
            known.folders.clear();
            known.slow = known.slow.filter(|&until| now < until);
            // A link that comes to be where none was is met on the way to a folder.
            if known.base != self.base && !is_same(&known.base, &self.base) {
                known.base = path::canonical(&self.base);
            }
        }
        known
    }
}

impl Known {
    fn folder(&mut self, path: &Path) -> &Folder {
        if !self.folders.contains_key(path) {
            let folder = match way_to(path) {
                Way::Plain => Folder::Plain,
                Way::Linked => Folder::Linked(path::canonical(path)),
                Way::Unknown => Folder::Unknown,
            };
            self.folders.insert(path.to_path_buf(), folder);
        }
        &self.folders[path]
    }

    fn item(&mut self, path: PathBuf) -> Places {
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return Places::new() };
        match self.folder(folder) {
            Folder::Unknown => [of_path(&path)].into(),
            Folder::Linked(folder) => {
                let mut places = behind_links(folder.join(name));
                places.push(of_path(&path));
                places
            }
            Folder::Plain => match self.look(&path) {
                Some(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::Symlink => behind_links(path),
                Some(stat) if has_names(&stat) => [of_path(&path), of_inode(&stat)].into_iter().collect(),
                _ => [of_path(&path)].into(),
            },
        }
    }

    fn look(&mut self, path: &Path) -> Option<Stat> {
        if self.slow.is_some() {
            return stat_now(path);
        }
        let started = Instant::now();
        let stat = lstat(path).ok();
        self.long = if started.elapsed() > LONG { self.long + 1 } else { 0 };
        if self.long == MOST_LONG {
            (self.long, self.slow) = (0, Some(started + WHILE));
        }
        stat
    }
}

/// The places of the file at `path`, wherever they have to be looked up.
pub fn behind_links(mut path: PathBuf) -> Places {
    let mut places = Places::new();
    for _ in 0..MOST_LINKS {
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { break };
        let folder = path::canonical(folder);
        path = folder.join(name);
        places.push(of_path(&path));
        if let Ok(target) = path.read_link() {
            path = folder.join(target);
            continue;
        }
        if let Ok(stat) = lstat(&path)
            && has_names(&stat)
        {
            places.push(of_inode(&stat));
        }
        break;
    }
    places
}

fn has_names(stat: &Stat) -> bool {
    stat.st_nlink > 1 && FileType::from_raw_mode(stat.st_mode) != FileType::Directory
}

fn of_path(path: &Path) -> Place {
    Place::of_path(path.as_os_str().as_encoded_bytes())
}

fn of_inode(stat: &Stat) -> Place {
    // No path begins so.
    Place::of_path(format!("\0{}:{}", stat.st_dev, stat.st_ino).as_bytes())
}

/// Whether both lead to one folder. What is not there is no other.
fn is_same(one: &Path, other: &Path) -> bool {
    match (one.symlink_metadata(), other.metadata()) {
        (Ok(one), Ok(other)) => Identity::from(&one) == Identity::from(&other),
        (_, other) => other.is_err(),
    }
}

#[cfg(target_os = "linux")]
use super::cached::{stat_now, way_to};

#[cfg(not(target_os = "linux"))]
fn way_to(folder: &Path) -> Way {
    if folder.exists() { Way::Linked } else { Way::Unknown }
}

#[cfg(not(target_os = "linux"))]
fn stat_now(path: &Path) -> Option<Stat> {
    lstat(path).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, os::unix::fs::symlink};

    #[test]
    fn a_link_that_goes_or_leads_elsewhere_leaves_calls_through_it_in_their_order() {
        let base = tempfile::tempdir().unwrap();
        for name in ["file", "other"] {
            fs::write(base.path().join(name), "").unwrap();
        }
        let link = base.path().join("link");
        // Each has looked at nothing before, as one that looks later.
        let places = || Finder::new(base.path().to_path_buf()).item(|base| path::of_key(base, b"link:item")).unwrap();
        symlink("file", &link).unwrap();
        let first = places();
        fs::remove_file(&link).unwrap();
        let gone = places();
        symlink("other", &link).unwrap();
        for later in [gone, places()] {
            assert!(first.iter().any(|place| later.contains(place)));
        }
    }
}
