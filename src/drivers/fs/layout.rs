//! Where an item lies: in the file that its key names, and where something is in the way of that, in overflow.
//!
//! The item `foo` beside the folder `foo` lies in that folder, in the file [`VALUE`]. The item `foo:bar` beside the file `foo`
//! lies in `.rustorage-1/foo/bar`, in the file [`VALUE`]: there every item has a folder, and nothing can be in the way.
//! Both names hold the version of the format, and unstorage 2 lists no file that is called like [`VALUE`].

use std::{
    ffi::OsStr,
    os::fd::{BorrowedFd, OwnedFd},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

use super::descent::Descent;

/// The file that holds the value of the item that its folder is called as.
pub const VALUE: &str = ".unstorage-tmp-rustorage-value-1";
/// The folder of overflow, beside the files that are in the way.
pub const OVERFLOW: &str = ".rustorage-1";
/// The index of expiries, in the base.
pub const INDEX: &str = ".unstorage-tmp-rustorage-ttl-1";
/// What is ours begins so. unstorage 2 takes it for its own temporary files, and neither lists nor watches it.
const RESERVED: &str = ".unstorage-tmp-rustorage-";
const UNFINISHED: &str = ".unstorage-tmp-rustorage-write-";
/// unstorage's prefix.
const TEMPORARY: &str = ".unstorage-tmp-";

static COUNTER: AtomicU64 = AtomicU64::new(0);

/// No key may have this segment.
pub fn is_reserved(name: &str) -> bool {
    name == OVERFLOW || name.starts_with(RESERVED)
}

/// A file that either library is writing, or keeps something in: no item has this name.
pub fn is_temporary(name: &OsStr) -> bool {
    name.to_str().is_some_and(|name| {
        name.strip_prefix(TEMPORARY).is_some_and(|rest| {
            !rest.is_empty() && rest.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
        })
    })
}

/// A file that one of our processes is writing, or was when it ended.
pub fn is_unfinished(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(UNFINISHED.as_bytes())
}

/// A name that no other write has, of this process or another.
pub fn unfinished_name() -> String {
    let count = COUNTER.fetch_add(1, Ordering::Relaxed);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    format!("{UNFINISHED}{:x}-{now:x}-{count:x}", std::process::id())
}

/// What a path leads to.
pub enum Found<T> {
    Item(T),
    Folder,
    Nothing,
}

/// Looks at each place where the item of `path` can lie, as `look` does it, until one holds it. What moves meanwhile goes nearer to its own
/// place, and so is met on the way back there.
pub fn find<T, E>(
    base: &Path,
    path: &Path,
    open: impl FnMut(BorrowedFd, &Path) -> Result<Option<OwnedFd>, E>,
    mut look: impl FnMut(&Path) -> Result<Found<T>, E>,
) -> Result<Option<T>, E> {
    let item = find_in_place(path, &mut look)?;
    if item.is_some() || path.parent() == Some(base) {
        return Ok(item);
    }
    let mut nearest = None;
    beside_files(base, path, open, |place| {
        if let Found::Item(item) = look(place)? {
            nearest = Some(item);
        }
        Ok(())
    })?;
    Ok(find_in_place(path, &mut look)?.or(nearest))
}

fn find_in_place<T, E>(path: &Path, look: &mut impl FnMut(&Path) -> Result<Found<T>, E>) -> Result<Option<T>, E> {
    let found = match look(path)? {
        Found::Folder => look(&path.join(VALUE))?,
        found => found,
    };
    Ok(if let Found::Item(item) = found { Some(item) } else { None })
}

/// Calls `act` with each place where the item of `path` can lie when one of the folders above it is a file instead, or was,
/// as far as the folders of overflow are there. The nearest comes last.
pub fn beside_files<E>(
    base: &Path,
    path: &Path,
    open: impl FnMut(BorrowedFd, &Path) -> Result<Option<OwnedFd>, E>,
    mut act: impl FnMut(&Path) -> Result<(), E>,
) -> Result<(), E> {
    let mut descent = Descent::new(base, open);
    let mut file = base.to_path_buf();
    // Below the last name nothing can lie beside it.
    for name in path.parent().and_then(|parent| parent.strip_prefix(base).ok()).unwrap_or(Path::new("")) {
        file.push(name);
        if descent.has(OVERFLOW)?
            && let Some(place) = beside_file(base, &file, path)
        {
            act(&place)?;
        }
        if !descent.enter(name)? {
            break;
        }
    }
    Ok(())
}

/// Where the item of `path` lies when `file`, above it, is a file.
pub fn beside_file(base: &Path, file: &Path, path: &Path) -> Option<PathBuf> {
    let folder = file.parent().filter(|folder| folder.starts_with(base))?;
    let rest = path.strip_prefix(folder).ok()?;
    Some(folder.join(OVERFLOW).join(rest).join(VALUE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    /// Every folder is there.
    fn open(_: BorrowedFd, _: &Path) -> io::Result<Option<OwnedFd>> {
        Ok(Some(tempfile::tempfile()?.into()))
    }

    fn places_of(path: &str) -> Vec<PathBuf> {
        let mut places = Vec::new();
        beside_files(Path::new("/base"), Path::new(path), open, |place| {
            places.push(place.to_path_buf());
            Ok(())
        })
        .unwrap();
        places
    }

    #[test]
    fn places_beside_files() {
        assert!(places_of("/base/a").is_empty());
        assert_eq!(places_of("/base/a/b"), [Path::new(&format!("/base/{OVERFLOW}/a/b/{VALUE}"))]);
        assert_eq!(
            places_of("/base/a/b/c"),
            [format!("/base/{OVERFLOW}/a/b/c/{VALUE}"), format!("/base/a/{OVERFLOW}/b/c/{VALUE}")].map(PathBuf::from)
        );
    }

    #[test]
    fn the_nearest_place_counts_and_its_own_before_all() {
        let (base, path) = (Path::new("/base"), Path::new("/base/a/b/c/d"));
        let mut places = places_of("/base/a/b/c/d");
        places.push(path.into());
        for nearest in 0..places.len() {
            let found = find(base, path, open, |place| {
                let at = places.iter().position(|known| known == place).filter(|&at| at <= nearest);
                Ok(at.map_or(Found::Nothing, Found::Item))
            });
            assert_eq!(found.unwrap(), Some(nearest));
        }
    }

    #[test]
    fn an_item_that_moves_nearer_while_it_is_looked_for_is_found() {
        let (base, path) = (Path::new("/base"), Path::new("/base/a/b/c/d"));
        let mut places = places_of("/base/a/b/c/d");
        places.push(path.into());
        for from in 0..places.len() {
            for to in from..places.len() {
                for moment in 0..10 {
                    let mut looks = 0;
                    let found = find(base, path, open, |place| {
                        looks += 1;
                        let now = if looks > moment { to } else { from };
                        Ok(if place == places[now] { Found::Item(()) } else { Found::Nothing })
                    });
                    assert_eq!(found.unwrap(), Some(()), "from {from} to {to} after {moment} looks");
                }
            }
        }
    }

    #[test]
    fn names_that_are_no_items() {
        for name in [VALUE, INDEX, &unfinished_name()] {
            assert!(is_temporary(OsStr::new(name)) && is_reserved(name), "{name}");
        }
        assert!(is_reserved(OVERFLOW));
        assert!(is_unfinished(OsStr::new(&unfinished_name())) && !is_unfinished(OsStr::new(VALUE)));
        assert!(is_temporary(OsStr::new(".unstorage-tmp-abc-1")) && !is_reserved(".unstorage-tmp-abc-1"));
        for name in [".unstorage-tmp-", ".unstorage-tmp-A", "unstorage-tmp-a", "item"] {
            assert!(!is_temporary(OsStr::new(name)), "{name}");
        }
    }
}
