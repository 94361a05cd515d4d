//! How a value gets into its file.

use std::{
    fs::{self, File, Metadata},
    io::{self, ErrorKind, Write},
    os::{fd::AsFd, unix::fs::MetadataExt},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

#[cfg(target_os = "linux")]
use rustix::fs::{FallocateFlags, fallocate};
use rustix::{
    fs::{Access, AtFlags, FileType, Gid, Mode, OFlags, Stat, Uid, fchmod, fchown, fstat},
    io::Errno,
};

use super::{
    descent::Descent,
    layout::{VALUE, beside_file, unfinished_name},
    lock,
    read::irregular,
    remove::Remover,
    root::Root,
    stamp::Stamp,
    sync::{Ways, sync_file},
};
use crate::clock::wall::since_1970;

/// How often a write starts anew because other processes made or removed what it found. Each time one of them has come
/// further, so this ends only what would never end.
const ATTEMPTS: usize = 1000;

/// How values are written.
pub struct Writer {
    pub root: Root,
    /// By a temporary file that takes the name of the old one; otherwise in place.
    pub atomic: bool,
    /// What is acknowledged survives the end of the system.
    pub durable: bool,
    pub ways: Ways,
    /// Of new files and folders, less the process's umask.
    pub mode: Mode,
    pub folder_mode: Mode,
}

/// What else belongs to a write: it hears of the stamp that the new value has, or will have.
pub type Hook<'a> = &'a dyn Fn(Stamp) -> io::Result<()>;

impl Writer {
    pub fn remover(&self) -> Remover<'_> {
        Remover { root: &self.root, durable: self.durable }
    }

    /// Writes `value` as the item of `path`. `written` hears of the new file before readers see it.
    pub fn write(&self, path: &Path, value: &[u8], written: Option<Hook>) -> io::Result<()> {
        for _ in 1..ATTEMPTS {
            match self.try_write(path, value, written) {
                // A link into a folder that is missing will lead nowhere the next time, too.
                Err(error) if error.kind() == ErrorKind::NotFound && !leads_nowhere(path) => {}
                result => return result,
            }
        }
        self.try_write(path, value, written)
    }

    /// NotFound if something came or went meanwhile, so that all has to be looked at anew.
    fn try_write(&self, path: &Path, value: &[u8], written: Option<Hook>) -> io::Result<()> {
        let mut result = self.put(path, value, written);
        // Rarely the folder is missing, or an empty one is in the way: so it is made or removed when that shows.
        let mended = match result.as_ref().map_err(io::Error::kind) {
            Err(ErrorKind::NotFound) => self.make_folder(path.parent().unwrap_or(path)),
            Err(ErrorKind::IsADirectory) => self.remover().remove_folder(path),
            _ => Ok(false),
        };
        match mended {
            Ok(true) => result = self.put(path, value, written),
            Ok(false) => {}
            Err(error) => result = Err(error),
        }
        let place = match result {
            // What expires must not bring an older value to light.
            Ok(true) if written.is_none() => return Ok(()),
            Ok(_) => return self.remover().remove_beside_files(path, None),
            Err(error) => match error.kind() {
                ErrorKind::NotADirectory => self.place_beside(path)?,
                ErrorKind::IsADirectory => path.join(VALUE),
                _ => return Err(error),
            },
        };
        let made = if place.starts_with(path) { Ok(false) } else { self.make_folder(place.parent().unwrap_or(path)) };
        made.and_then(|_| self.put(&place, value, written)).map_err(|error| match error.kind() {
            // A folder on the way became a file.
            ErrorKind::NotADirectory if !self.is_blocked(path, &place) => ErrorKind::NotFound.into(),
            _ => error,
        })?;
        self.remover().remove_beside_files(path, Some(&place))
    }

    /// The place in overflow of an item with a file above it.
    fn place_beside(&self, path: &Path) -> io::Result<PathBuf> {
        let base = &self.root.base;
        if !self.root.metadata(base)?.is_dir() {
            return Err(Errno::NOTDIR.into());
        }
        let mut descent = Descent::new(base, |folder, path| self.root.folder_at(folder, path));
        let mut file = base.clone();
        for name in path.parent().and_then(|parent| parent.strip_prefix(base).ok()).unwrap_or(path) {
            file.push(name);
            if !descent.has(name)? {
                break;
            }
            descent.enter(name)?;
        }
        match beside_file(base, &file, path) {
            Some(place) if !self.root.metadata(&file)?.is_dir() => Ok(place),
            // The file is gone again.
            _ => Err(ErrorKind::NotFound.into()),
        }
    }

    /// Something other than a folder lies in overflow on the way to `place`, which no write puts there.
    fn is_blocked(&self, path: &Path, place: &Path) -> bool {
        let folders = place.ancestors().skip(1).take_while(|folder| !path.starts_with(folder));
        folders.into_iter().any(|folder| self.root.metadata(folder).is_ok_and(|metadata| !metadata.is_dir()))
    }

    /// Writes to the very path, whose folder has to be there. Whether a file was there.
    fn put(&self, path: &Path, value: &[u8], written: Option<Hook>) -> io::Result<bool> {
        if !self.atomic {
            return self.write_in_place(path, value, written);
        }
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(ErrorKind::NotFound.into());
        };
        let folder = self.root.lockable_folder(parent)?;
        let old = match rustix::fs::statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(old) => match FileType::from_raw_mode(old.st_mode) {
                FileType::Directory => return Err(ErrorKind::IsADirectory.into()),
                FileType::RegularFile if old.st_nlink == 1 => {
                    // The folder would let it be replaced, but whoever took the right to write to it away meant it.
                    rustix::fs::accessat(&folder, name, Access::WRITE_OK, AtFlags::EACCESS)?;
                    Some(old)
                }
                // A link stays a link, and all names of a file keep one content.
                _ => return self.write_in_place(path, value, written),
            },
            Err(Errno::NOENT) => None,
            Err(error) => return Err(error.into()),
        };
        let temporary = unfinished_name();
        let mode = old.as_ref().map_or(self.mode, |old| Mode::from_raw_mode(old.st_mode));
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let mut file = File::from(rustix::fs::openat(&folder, &*temporary, flags, mode)?);
        let renamed = file
            .write_all(value)
            .and_then(|()| old.as_ref().map_or(Ok(()), |old| keep_owner_and_mode(&file, old)))
            .and_then(|()| written.map(|written| Stamp::give(&file).map(|stamp| (written, stamp))).transpose())
            .and_then(|stamp| if self.durable { sync_file(&file).map(|()| stamp) } else { Ok(stamp) })
            .and_then(|stamp| stamp.map_or(Ok(()), |(written, stamp)| written(stamp)))
            .and_then(|()| lock::shared(&folder, parent))
            .and_then(|()| Ok(rustix::fs::renameat(&folder, &*temporary, &folder, name)?));
        if renamed.is_err() {
            // The write's own error is the one to report.
            let _ = rustix::fs::unlinkat(&folder, &*temporary, AtFlags::empty());
        } else if self.durable {
            lock::release(&folder);
            self.ways.sync(&self.root, parent)?;
        }
        renamed.map(|()| old.is_some())
    }

    fn write_in_place(&self, path: &Path, value: &[u8], written: Option<Hook>) -> io::Result<bool> {
        let (file, existed) = match self.root.open(path, OFlags::WRONLY, Mode::empty()) {
            Ok(file) => (file, true),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                (self.root.open(path, OFlags::WRONLY | OFlags::CREATE, self.mode)?, false)
            }
            Err(error) => return Err(error),
        };
        let mut file = File::from(file);
        let old = file.metadata()?;
        if !old.is_file() {
            return Err(irregular());
        }
        lock::exclusive(&file, path)?;
        let old = file.metadata()?;
        if old.nlink() == 0 {
            // It was removed or replaced before the lock: all begins anew.
            return Err(ErrorKind::NotFound.into());
        }
        // Another process may have made it at the same time, and written to it before the lock.
        let existed = existed || old.len() > 0;
        if existed {
            reserve(&file, &old, value.len() as u64).inspect_err(|_| give_back(&file, &old))?;
        }
        let promised = written.map(|written| promise(&file, &old, value, written)).transpose();
        let promised = promised.inspect_err(|_| give_back(&file, &old));
        // Truncating first costs ten times as much on ext4, which then writes the file out as it is closed.
        let promised = match promised.and_then(|promised| file.write_all(value).map(|()| promised)) {
            Ok(promised) => promised,
            Err(error) => {
                if !existed {
                    // Nothing is better than half a value; and this is the error to report.
                    let _ = path.canonicalize().and_then(fs::remove_file);
                }
                return Err(error);
            }
        };
        if old.len() > value.len() as u64 {
            file.set_len(value.len() as u64)?;
        } else if value.is_empty() {
            // Nothing over nothing is a new writing too: what was said of the last one no longer holds.
            file.set_modified(SystemTime::now())?;
        }
        if let (Some(written), Some((time, promised))) = (written, promised) {
            let stamp = Stamp::give_at(&file, time)?;
            // Not every file system keeps nanoseconds.
            if stamp != promised {
                written(stamp)?;
            }
        }
        if self.durable {
            sync_file(&file)?;
            // Its name may be new, and in another folder if a link led here.
            if let Some(folder) = path.canonicalize()?.parent() {
                self.ways.sync(&self.root, folder)?;
            }
        }
        Ok(existed)
    }

    /// Makes the folder and those above it. Whether it was missing.
    fn make_folder(&self, path: &Path) -> io::Result<bool> {
        match self.root.folder(path) {
            Ok(_) => return Ok(false),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let mut folder = self.root.folder(Path::new("/"))?;
        for name in path.iter().skip(1).map(Path::new) {
            if let Some(inner) = self.root.folder_at(folder.as_fd(), name)? {
                folder = inner;
                continue;
            }
            match rustix::fs::mkdirat(&folder, name, self.folder_mode) {
                // Another thread or process made it, or a file: that will show.
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
            folder = self.root.folder_of(folder.as_fd(), name)?;
        }
        Ok(true)
    }
}

/// Tells `written` of the stamp that the file will be given, and when, before the old value is touched: so that a write that cannot be
/// recorded changes nothing. Until then the record holds for no file.
fn promise(file: &File, old: &Metadata, value: &[u8], written: Hook) -> io::Result<(Duration, Stamp)> {
    // Not everybody who may write to a file may say when that was.
    file.set_modified(old.modified()?)?;
    let time = since_1970();
    let stamp = Stamp::expected(old, time, value.len() as u64);
    written(stamp)?;
    Ok((time, stamp))
}

/// Whether it is a link to what is not there.
fn leads_nowhere(path: &Path) -> bool {
    path.is_symlink() && !path.exists()
}

/// Sees to it that a value has room before the old one is written over. Where the file system cannot, the write will show.
#[cfg(target_os = "linux")]
fn reserve(file: &File, old: &Metadata, length: u64) -> io::Result<()> {
    if old.blocks() * 512 >= length {
        return Ok(());
    }
    match fallocate(file, FallocateFlags::KEEP_SIZE, 0, length) {
        Err(error @ (Errno::NOSPC | Errno::DQUOT | Errno::FBIG)) => Err(error.into()),
        _ => Ok(()),
    }
}

/// Gives back what was reserved until the disk was full. The file is the old one then, also for what expires with it.
fn give_back(file: &File, old: &Metadata) {
    // The write's own error is the one to report.
    let _ = file.set_len(old.len()).and_then(|()| file.set_modified(old.modified()?));
}

#[cfg(not(target_os = "linux"))]
fn reserve(_: &File, _: &Metadata, _: u64) -> io::Result<()> {
    Ok(())
}

/// Gives a file that takes the place of another its owner and mode, as far as the process may.
pub fn keep_owner_and_mode(file: &File, old: &Stat) -> io::Result<()> {
    let new = fstat(file)?;
    if (new.st_uid, new.st_gid) != (old.st_uid, old.st_gid) {
        // Not everybody may give files away. This takes away the set-user bit, so the mode comes after it.
        let group = Some(Gid::from_raw(old.st_gid));
        if fchown(file, Some(Uid::from_raw(old.st_uid)), group).is_err() {
            let _ = fchown(file, None, group);
        }
    }
    let (mode, wanted) = (Mode::from_raw_mode(new.st_mode), Mode::from_raw_mode(old.st_mode));
    if mode != wanted || !(wanted & (Mode::SUID | Mode::SGID)).is_empty() {
        fchmod(file, wanted)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{super::sync, *};
    use std::{
        fs,
        os::unix::fs::{MetadataExt, PermissionsExt, symlink},
        sync::Barrier,
        thread,
        time::Duration,
    };

    use crate::driver::{Deferred, patiently};

    fn writer(base: &Path, atomic: bool) -> Writer {
        Writer {
            root: Root { base: base.to_path_buf(), follow: true },
            atomic,
            durable: false,
            ways: Ways::default(),
            mode: Mode::from_raw_mode(0o666),
            folder_mode: Mode::from_raw_mode(0o777),
        }
    }

    fn write(base: &Path, path: &Path, value: &[u8]) {
        patiently(|| writer(base, true).write(path, value, None)).unwrap();
    }

    #[test]
    fn a_rename_keeps_the_mode_and_leaves_nothing_behind() {
        let base = tempfile::tempdir().unwrap();
        let path = base.path().join("deep/er/item");
        write(base.path(), &path, b"old");
        for mode in [0o640, 0o666, 0o600, 0o4755] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let inode = fs::metadata(&path).unwrap().ino();
            write(base.path(), &path, b"new");
            let metadata = fs::metadata(&path).unwrap();
            assert_eq!((metadata.mode() & 0o7777, metadata.ino() == inode), (mode, false));
        }
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn links_are_written_through() {
        let base = tempfile::tempdir().unwrap();
        let at = |name: &str| base.path().join(name);
        fs::write(at("file"), "a long old value").unwrap();
        symlink(at("file"), at("soft")).unwrap();
        fs::hard_link(at("file"), at("hard")).unwrap();
        write(base.path(), &at("soft"), b"soft");
        assert_eq!(fs::read(at("hard")).unwrap(), b"soft");
        write(base.path(), &at("hard"), b"hard");
        assert_eq!(fs::read(at("file")).unwrap(), b"hard");
        assert!(fs::symlink_metadata(at("soft")).unwrap().is_symlink());
    }

    #[test]
    fn in_place_the_file_stays_and_ends_where_the_value_does() {
        let base = tempfile::tempdir().unwrap();
        let path = base.path().join("item");
        let writer = writer(base.path(), false);
        writer.write(&path, b"a long value", None).unwrap();
        let inode = fs::metadata(&path).unwrap().ino();
        for value in [&b"short"[..], b"", b"a longer value than before"] {
            writer.write(&path, value, None).unwrap();
            assert_eq!((fs::read(&path).unwrap().as_slice(), fs::metadata(&path).unwrap().ino()), (value, inode));
        }
    }

    #[test]
    fn in_place_values_do_not_mix_under_any_name() {
        let base = tempfile::tempdir().unwrap();
        let (file, hard, soft) = (base.path().join("file"), base.path().join("hard"), base.path().join("soft"));
        fs::write(&file, "").unwrap();
        fs::hard_link(&file, &hard).unwrap();
        symlink(&file, &soft).unwrap();
        for length in 1..500 {
            fs::write(&file, "").unwrap();
            let start = Barrier::new(3);
            thread::scope(|scope| {
                for (path, byte) in [(&file, b'f'), (&hard, b'h'), (&soft, b's')] {
                    let (base, start) = (base.path(), &start);
                    scope.spawn(move || {
                        let value = vec![byte; length * usize::from(byte % 7 + 1)];
                        start.wait();
                        write(base, path, &value);
                    });
                }
            });
            let value = fs::read(&file).unwrap();
            assert_eq!(value, vec![value[0]; length * usize::from(value[0] % 7 + 1)]);
        }
    }

    #[test]
    fn a_write_that_meets_a_lock_is_deferred_and_leaves_all_as_it_was() {
        let base = tempfile::tempdir().unwrap();
        let path = base.path().join("item");
        fs::write(&path, "old").unwrap();
        // As a process holds them that was stopped.
        let locked = [fs::File::open(base.path()).unwrap(), fs::File::open(&path).unwrap()];
        for file in &locked {
            assert!(lock::exclusive_within(file, Duration::ZERO).unwrap());
        }
        for (atomic, locked) in [true, false].into_iter().zip(locked) {
            let error = writer(base.path(), atomic).write(&path, b"new", None).unwrap_err();
            let deferred = error.downcast().unwrap();
            let Deferred::Taken(is_free) = &deferred else { panic!("{deferred:?}") };
            assert!(!is_free());
            assert_eq!(fs::read(&path).unwrap(), b"old");
            assert_eq!(fs::read_dir(base.path()).unwrap().count(), 1);
            drop(locked);
            assert!(is_free());
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_was_reserved_for_a_write_that_is_refused_is_given_back() {
        let base = tempfile::tempdir().unwrap();
        let path = base.path().join("item");
        fs::write(&path, "old").unwrap();
        let file = File::options().write(true).open(&path).unwrap();
        let old = file.metadata().unwrap();
        reserve(&file, &old, 1 << 20).unwrap();
        assert!(file.metadata().unwrap().blocks() >= 2048);
        give_back(&file, &old);
        let now = file.metadata().unwrap();
        let of = |metadata: &Metadata| (metadata.blocks(), metadata.len(), metadata.modified().unwrap());
        assert_eq!(of(&now), of(&old));
        assert_eq!(fs::read(&path).unwrap(), b"old");
    }

    #[test]
    fn durable_syncs_the_file_and_every_name_on_the_way_there() {
        let base = tempfile::tempdir().unwrap();
        let base = base.path().canonicalize().unwrap();
        let at = |name: &str| base.join(name);
        fs::create_dir_all(at("early/dir")).unwrap();
        fs::create_dir(at("outside")).unwrap();
        symlink(at("outside/target"), at("early/link")).unwrap();
        let synced = || {
            let mut synced = sync::observed::take();
            synced.retain(|path| path.starts_with(&base) || Some(&**path) == base.parent());
            synced
        };
        let above = |paths: &[PathBuf]| [paths, &[base.clone(), base.parent().unwrap().into()]].concat();
        for atomic in [true, false] {
            let writer = Writer { durable: true, ..writer(&base, atomic) };
            let write = |name: &str| writer.write(&at(name), b"value", None).unwrap();
            // Folders that others made, or did not, and each again.
            write("early/dir/item");
            let [file, rest @ ..] = &*synced() else { unreachable!("the file is synced") };
            assert_eq!(file.parent(), Some(&*at("early/dir")));
            assert_eq!(rest, above(&[at("early/dir"), at("early")]));
            write("early/dir/item");
            assert_eq!(synced()[1..], [at("early/dir")]);
            write("new/er/item");
            assert_eq!(synced()[1..], above(&[at("new/er"), at("new")]));
            write("early/link");
            assert_eq!(synced(), [&[at("outside/target")][..], &above(&[at("outside")])].concat());
            writer.remover().remove(&at("new/er/item")).unwrap();
            assert_eq!(synced(), [at("new/er")]);
            fs::remove_dir_all(at("new")).unwrap();
            fs::remove_file(at("outside/target")).unwrap();
        }
        write(&base, &at("early/dir/item"), b"value");
        assert_eq!(synced(), Vec::<PathBuf>::new());
    }
}
