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

use rustix::{
    fs::{FileType, lstat},
    io::Errno,
};

use super::{disk::Disk, identity::Identity, path, seen::Seen};
use crate::driver::{Place, Places};

/// How long folders are taken to be what they were: a link may take their place. It is enough for calls that are made at once.
const FRESH: Duration = Duration::from_micros(100);
const MOST_FAR: usize = 1000;
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
    pub disk: Disk,
    known: Mutex<Known>,
}

struct Known {
    since: Instant,
    /// The base as every other driver over it names it.
    base: PathBuf,
    /// By path under that base.
    folders: HashMap<PathBuf, Folder>,
    /// Where links led that leave the disk of the base: a network may not say it again.
    far: HashMap<PathBuf, PathBuf>,
}

enum Folder {
    Plain,
    /// It is there, and is called so without links.
    Linked(PathBuf),
    /// The same, where no look may be taken that waits.
    Far(PathBuf),
    Unknown,
}

impl Finder {
    pub fn new(base: PathBuf) -> Self {
        let canonical = path::canonical(&base);
        let known = Known { since: Instant::now(), base: canonical, folders: HashMap::new(), far: HashMap::new() };
        Self { disk: Disk::new(&base), base, known: Mutex::new(known) }
    }

    /// Where `path` makes the item's file of the base.
    pub fn item<E>(&self, path: impl FnOnce(&Path) -> Result<PathBuf, E>) -> Result<Places, E> {
        let mut known = self.known();
        let path = path(&known.base)?;
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return Ok(Places::new()) };
        Ok(match known.folder(&self.disk, folder) {
            Folder::Unknown => [of_path(&path)].into(),
            Folder::Linked(folder) => {
                let mut places = behind_links(folder.join(name));
                places.push(of_path(&path));
                places
            }
            Folder::Far(folder) => {
                let there = folder.join(name);
                let mut places: Places = [of_path(&path), of_path(&there)].into_iter().collect();
                if let Ok((target, seen)) = resolved(&there) {
                    places.extend((target != there).then(|| of_path(&target)));
                    places.extend(of_names(&seen));
                }
                places
            }
            Folder::Plain => match self.look(folder, &path) {
                Some(seen) if seen.kind == FileType::Symlink => match known.far(&self.disk, &path) {
                    Some(target) => {
                        let names = resolved(&path).ok().and_then(|(_, seen)| of_names(&seen));
                        [of_path(&path), of_path(&target)].into_iter().chain(names).collect()
                    }
                    None => behind_links(path),
                },
                Some(seen) => [of_path(&path)].into_iter().chain(of_names(&seen)).collect(),
                None => [of_path(&path)].into(),
            },
        })
    }

    /// What the places of all items begin with that are in the folder.
    pub fn folder<E>(&self, path: impl FnOnce(&Path) -> Result<PathBuf, E>) -> Result<Place, E> {
        let mut known = self.known();
        let path = path(&known.base)?;
        let path = match known.folder(&self.disk, &path) {
            Folder::Linked(canonical) | Folder::Far(canonical) => canonical.clone(),
            Folder::Plain | Folder::Unknown => path,
        };
        let mut name = path.into_os_string().into_encoded_bytes();
        if name.last() != Some(&b'/') {
            name.push(b'/');
        }
        Ok(Place::of_path(&name))
    }

    /// What is at the path, which is in the folder.
    fn look(&self, folder: &Path, path: &Path) -> Option<Seen> {
        match self.disk.look(folder, |waits| waits.then(|| lstat(path))).flatten() {
            Some(stat) => Some((&stat.ok()?).into()),
            None => seen_now(path),
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if now.duration_since(known.since) > FRESH {
            known.since = now;
            known.folders.clear();
            // A link that comes to be where none was is met on the way to a folder.
            if known.base != self.base && !is_same(&known.base, &self.base) {
                known.base = path::canonical(&self.base);
            }
        }
        known
    }
}

impl Known {
    fn folder(&mut self, disk: &Disk, path: &Path) -> &Folder {
        if !self.folders.contains_key(path) {
            let folder = match way_to(path) {
                Way::Plain => Folder::Plain,
                Way::Linked => match self.far(disk, path) {
                    Some(target) => Folder::Far(target),
                    None => Folder::Linked(path::canonical(path)),
                },
                Way::Unknown => Folder::Unknown,
            };
            self.folders.insert(path.to_path_buf(), folder);
        }
        &self.folders[path]
    }

    /// Where a path with links leads, if it is known to leave the disk.
    fn far(&mut self, disk: &Disk, path: &Path) -> Option<PathBuf> {
        match resolved(path) {
            Ok((_, seen)) if disk.holds(seen.identity) => self.far.remove(path).and(None),
            Ok((target, _)) => {
                if self.far.len() >= MOST_FAR {
                    self.far.clear();
                }
                self.far.insert(path.to_path_buf(), target.clone());
                Some(target)
            }
            // It cannot say without asking the network.
            Err(Errno::AGAIN) => self.far.get(path).cloned(),
            Err(_) => self.far.remove(path).and(None),
        }
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
        places.extend(lstat(&path).ok().and_then(|stat| of_names(&Seen::from(&stat))));
        break;
    }
    places
}

fn of_path(path: &Path) -> Place {
    Place::of_path(path.as_os_str().as_encoded_bytes())
}

/// That of a file with several names.
fn of_names(seen: &Seen) -> Option<Place> {
    let Identity { device, inode } = seen.identity;
    // No path begins so.
    let name = format!("\0{device}:{inode}");
    (seen.names > 1 && seen.kind != FileType::Directory).then(|| Place::of_path(name.as_bytes()))
}

/// Whether both lead to one folder. What is not there is no other.
fn is_same(one: &Path, other: &Path) -> bool {
    match (one.symlink_metadata(), other.metadata()) {
        (Ok(one), Ok(other)) => Identity::from(&one) == Identity::from(&other),
        (_, other) => other.is_err(),
    }
}

#[cfg(target_os = "linux")]
use super::cached::{resolved, seen_now, way_to};

#[cfg(not(target_os = "linux"))]
fn way_to(folder: &Path) -> Way {
    if folder.exists() { Way::Linked } else { Way::Unknown }
}

#[cfg(not(target_os = "linux"))]
fn seen_now(path: &Path) -> Option<Seen> {
    Some((&lstat(path).ok()?).into())
}

#[cfg(not(target_os = "linux"))]
fn resolved(_: &Path) -> Result<(PathBuf, Seen), Errno> {
    Err(Errno::NOSYS)
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

    #[test]
    fn a_link_that_leaves_the_disk_leaves_calls_through_it_in_their_order() {
        let (base, far) = (tempfile::tempdir().unwrap(), Path::new("/proc"));
        symlink(far, base.path().join("folder")).unwrap();
        symlink(far.join("uptime"), base.path().join("file")).unwrap();
        let places = |base: &Path, key: &str| {
            Finder::new(base.to_path_buf()).item(|base| path::of_key(base, key.as_bytes())).unwrap()
        };
        let direct = places(far, "uptime");
        for key in ["folder:uptime", "file"] {
            let linked = places(base.path(), key);
            assert!(direct.iter().any(|place| linked.contains(place)), "{key}");
        }
        let area =
            |base: &Path, name: &str| Finder::new(base.to_path_buf()).folder(|base| Ok::<_, ()>(base.join(name)));
        assert_eq!(area(base.path(), "folder"), area(far, ""));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_link_from_another_disk_shares_the_order_of_all_names_of_its_file() {
        let (base, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir_in("/dev/shm").unwrap());
        fs::create_dir(base.path().join("dir")).unwrap();
        fs::write(base.path().join("dir/file"), "").unwrap();
        fs::hard_link(base.path().join("dir/file"), base.path().join("name")).unwrap();
        symlink(base.path().join("dir/file"), other.path().join("link")).unwrap();
        symlink(base.path().join("dir"), other.path().join("dir")).unwrap();
        let places = |base: &Path, key: &str| {
            Finder::new(base.to_path_buf()).item(|base| path::of_key(base, key.as_bytes())).unwrap()
        };
        let name = places(base.path(), "name");
        for key in ["link", "dir:file"] {
            let linked = places(other.path(), key);
            assert!(name.iter().any(|place| linked.contains(place)), "{key}");
            let unique: std::collections::HashSet<_> = linked.iter().map(Place::way).collect();
            assert_eq!(unique.len(), linked.len(), "{key}: no place twice");
        }
    }
}
