//! Which items expire, and when: an index in the base, of which every process keeps what it read.
//!
//! A record holds for one writing of a file. Whoever writes the file anew, with this driver or not, makes another stamp, and
//! what the index says no longer holds. So loss and damage of the index cost expiries and never values.

#[cfg(target_os = "linux")]
use std::task::Poll;
use std::{
    collections::HashMap,
    fs::File,
    io::{self, BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom, Write},
    os::{
        fd::AsFd,
        unix::fs::{MetadataExt, OpenOptionsExt},
    },
    path::{Path, PathBuf},
    sync::{
        Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use rustix::fs::{AtFlags, Mode, OFlags, Timespec, Timestamps, UTIME_OMIT, fstat, futimens, unlinkat};

use super::{
    layout::{INDEX, unfinished_name},
    lock, path, place,
    record::{self, Record},
    remove::Remover,
    root::{Root, found},
    stamp::Stamp,
    sync::sync_file,
    write::keep_owner_and_mode,
};
use crate::{
    clock::wall::{now, since_1970},
    driver::{Access, Claim, Class, Pool, once},
};

/// How long what was read of the index is good for: other processes' expiries are seen so much later at most.
const FRESH: u64 = 500;
/// The index is written anew when it is twice as long as then, but not below this.
const SHORTEST: u64 = 64 * 1024;
/// Between two sweeps, so that many items with many times do not make many sweeps.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);
/// After so long a sweep looks whatever was to come: the system's clock may have been set, and timers stand still while the
/// system sleeps.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// Milliseconds after which a file that could not be removed is tried again.
const REFUSED_WAIT: u64 = 60_000;
/// For so many milliseconds a record holds whose file is not there: it is written before the file gets its name.
const GRACE: u64 = 10_000;
/// How long a sweep waits for a lock: it comes round again.
const SWEEP_PATIENCE: Duration = Duration::from_millis(20);

/// By canonical base.
static BASES: LazyLock<Mutex<HashMap<PathBuf, Weak<Expiries>>>> = LazyLock::new(Mutex::default);

/// From which milliseconds are counted in `checked`.
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// The expiries of one base, for all drivers of the process over it.
pub struct Expiries {
    root: Root,
    state: Mutex<Index>,
    /// How many keys have records, and when the index was last looked at: for readers that must not wait for the lock.
    count: AtomicUsize,
    checked: AtomicU64,
    /// Some driver over the base may write.
    sweeps: AtomicBool,
}

/// What went wrong with the index, and not with the item's file.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct IndexError(pub io::Error);

/// What was read.
#[derive(Default)]
struct Index {
    /// The last two of each key: between a record and the file's new name, the file that was there still counts.
    records: HashMap<Box<[u8]>, Vec<Record>>,
    inode: u64,
    /// When the file was made, as an inode can be another file's later.
    made: Option<SystemTime>,
    /// How much of the file was read.
    read: u64,
    /// At what length it is written anew.
    limit: u64,
    /// The first expiry that no sweep is planned for or has seen.
    next: Option<u64>,
    /// When the next sweep comes, and when the last one came.
    planned: Option<Instant>,
    swept: Option<Instant>,
}

impl Index {
    fn insert(&mut self, record: Record) {
        self.next = Some(self.next.map_or(record.expires, |next| next.min(record.expires)));
        let records = self.records.entry(record.key.clone()).or_default();
        records.retain(|known| known.stamp != record.stamp);
        if records.len() > 1 {
            records.remove(0);
        }
        records.push(record);
    }

    fn is_expired(&self, key: &[u8], stamp: Stamp) -> bool {
        let (records, now) = (self.records.get(key).map(Vec::as_slice).unwrap_or_default(), now());
        records.iter().any(|record| record.stamp == stamp && record.expires <= now)
    }

    fn forget(&mut self, record: &Record) {
        if let Some(records) = self.records.get_mut(&record.key) {
            records.retain(|known| known != record);
            if records.is_empty() {
                self.records.remove(&record.key);
            }
        }
    }

    /// What was read counts no longer.
    fn reset(&mut self) {
        self.records.clear();
        (self.inode, self.read) = (0, 0);
    }
}

impl Expiries {
    pub fn of(root: &Root, canonical: &Path, writes: bool) -> Arc<Self> {
        let mut bases = BASES.lock().unwrap_or_else(PoisonError::into_inner);
        bases.retain(|_, known| known.strong_count() > 0);
        let known = bases.get(canonical).and_then(Weak::upgrade).unwrap_or_else(|| {
            let made = Arc::new(Self {
                root: Root { base: canonical.to_path_buf(), ..root.clone() },
                state: Mutex::default(),
                count: AtomicUsize::new(0),
                checked: AtomicU64::new(0),
                sweeps: AtomicBool::new(false),
            });
            bases.insert(canonical.to_path_buf(), Arc::downgrade(&made));
            made
        });
        known.sweeps.fetch_or(writes, Ordering::Relaxed);
        known
    }

    /// Nothing has to be read before the next answer.
    pub fn is_fresh(&self) -> bool {
        let checked = self.checked.load(Ordering::Acquire);
        checked != 0 && milliseconds().saturating_sub(checked) < FRESH
    }

    /// No item expires, so that nobody has to ask for one.
    pub fn is_empty(&self) -> bool {
        self.count.load(Ordering::Acquire) == 0
    }

    /// Whether some file of the item has expired: only then its stamp is of interest.
    pub fn is_due(&self, key: &[u8]) -> bool {
        let (state, now) = (self.lock(), now());
        state.records.get(key).is_some_and(|records| records.iter().any(|record| record.expires <= now))
    }

    /// Whether the file with this stamp, which holds the item, has expired.
    pub fn is_expired(&self, key: &[u8], stamp: Stamp) -> bool {
        self.lock().is_expired(key, stamp)
    }

    /// As `is_expired`, on a thread that must not wait: another may be reading the index.
    #[cfg(target_os = "linux")]
    pub fn is_expired_now(&self, key: &[u8], stamp: Stamp) -> Poll<bool> {
        self.state.try_lock().map_or(Poll::Pending, |state| Poll::Ready(state.is_expired(key, stamp)))
    }

    /// When the file with this stamp, which holds the item, expires.
    pub fn expires(&self, key: &[u8], stamp: Stamp) -> Option<u64> {
        let state = self.lock();
        let records = state.records.get(key)?;
        records.iter().find(|record| record.stamp == stamp).map(|record| record.expires)
    }

    /// Reads what other processes wrote, unless that was done just now.
    pub fn refresh(self: &Arc<Self>) {
        if !self.is_fresh() {
            let mut state = self.lock();
            self.read(&mut state);
            self.plan(&mut state);
        }
    }

    /// From now on the file with this stamp holds the item until `expires`. `mode` is of a new index.
    pub fn add(self: &Arc<Self>, record: Record, mode: Mode, durable: bool) -> io::Result<()> {
        let length = self.append(&record, mode, durable).map_err(|error| io::Error::other(IndexError(error)))?;
        let mut state = self.lock();
        state.insert(record);
        if length > state.limit.max(SHORTEST) {
            self.rewrite(&mut state);
        }
        self.plan(&mut state);
        Ok(())
    }

    /// The index's length then.
    fn append(&self, record: &Record, mode: Mode, durable: bool) -> io::Result<u64> {
        let mut file = self.open_for_adding(mode)?;
        file.write_all(record.to_line().as_bytes())?;
        if durable {
            sync_file(&file)?;
        }
        Ok(file.metadata()?.len())
    }

    fn path(&self) -> PathBuf {
        self.root.base.join(INDEX)
    }

    /// The index, locked against being written anew.
    fn open_for_adding(&self, mode: Mode) -> io::Result<File> {
        let path = self.path();
        loop {
            let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE;
            let file = File::from(self.root.open(&path, flags, mode)?);
            lock::shared(&file, &path)?;
            if self.is_current(&file)? {
                return Ok(file);
            }
        }
    }

    /// The index may have been replaced between being opened and being locked.
    fn is_current(&self, file: &File) -> io::Result<bool> {
        let inode = file.metadata()?.ino();
        Ok(found(self.path().metadata())?.is_some_and(|metadata| metadata.ino() == inode))
    }

    fn read(&self, state: &mut Index) {
        if self.try_read(state).is_err() {
            // What cannot be read expires nothing.
            state.reset();
        }
        self.publish(state);
        self.checked.store(milliseconds(), Ordering::Release);
    }

    fn try_read(&self, state: &mut Index) -> io::Result<()> {
        let metadata = self.path().metadata()?;
        let made = metadata.created().ok();
        if metadata.ino() != state.inode || made != state.made || metadata.len() < state.read {
            state.reset();
            (state.inode, state.made) = (metadata.ino(), made);
        }
        if metadata.len() == state.read {
            return Ok(());
        }
        let mut file = File::open(self.path())?;
        file.seek(SeekFrom::Start(state.read))?;
        let (mut file, mut line) = (BufReader::new(file), Vec::new());
        loop {
            line.clear();
            let length = (&mut file).take(record::LONGEST_LINE).read_until(b'\n', &mut line)? as u64;
            if line.pop_if(|last| *last == b'\n').is_none() && length < record::LONGEST_LINE {
                // It is still being written, and is read the next time.
                return Ok(());
            }
            if let Some(record) = Record::from_line(&line) {
                state.insert(record);
            }
            state.read += length;
        }
    }

    /// Writes the index without what no longer holds.
    fn rewrite(&self, state: &mut Index) {
        // The next write comes round to it again.
        let Ok(file) = File::open(self.path()) else { return };
        if !lock::exclusive_within(&file, Duration::ZERO).unwrap_or(false) {
            return;
        }
        if !self.is_current(&file).unwrap_or(false) {
            return;
        }
        self.read(state);
        let now = now();
        for records in state.records.values_mut() {
            records.retain(|record| record.expires.saturating_add(GRACE) > now || self.holds(record));
        }
        state.records.retain(|_, records| !records.is_empty());
        let lines: String = state.records.values().flatten().map(Record::to_line).collect();
        let temporary = self.root.base.join(unfinished_name());
        let written = if lines.is_empty() {
            std::fs::remove_file(self.path())
        } else {
            self.replace(&file, &temporary, lines.as_bytes())
        };
        if written.is_err() {
            let _ = std::fs::remove_file(&temporary);
        }
        state.limit = 2 * lines.len() as u64;
        self.read(state);
    }

    fn replace(&self, old: &File, temporary: &Path, lines: &[u8]) -> io::Result<()> {
        let mut new = File::options().write(true).create_new(true).mode(0o600).open(temporary)?;
        let old = fstat(old)?;
        keep_owner_and_mode(&new, &old)?;
        let kept = fstat(&new)?;
        let shared = kept.st_gid == old.st_gid && Mode::from_raw_mode(old.st_mode).contains(Mode::WGRP);
        if kept.st_uid != old.st_uid && !shared {
            // Whose it is could not write to it any more.
            return Err(ErrorKind::PermissionDenied.into());
        }
        new.write_all(lines)?;
        std::fs::rename(temporary, self.path())
    }

    /// Whether the file that the record speaks of is still there.
    fn holds(&self, record: &Record) -> bool {
        self.locate(&record.key).is_ok_and(|place| place.is_some_and(|(_, stamp)| stamp == record.stamp))
    }

    fn locate(&self, key: &[u8]) -> io::Result<Option<(PathBuf, Stamp)>> {
        let Ok(path) = path::of_key(&self.root.base, key) else { return Ok(None) };
        Ok(self.root.locate(&path)?.map(|(place, metadata)| (place, Stamp::from(&metadata))))
    }

    /// Sees to it that files go when they expire.
    fn plan(self: &Arc<Self>, state: &mut Index) {
        self.publish(state);
        let Some(next) = state.next.filter(|_| self.sweeps.load(Ordering::Relaxed)) else { return };
        let wait = Duration::from_millis(next.saturating_sub(now()).saturating_add(1)).min(LONGEST_WAIT);
        let mut at = Instant::now() + wait;
        if let Some(swept) = state.swept {
            at = at.max(swept + SWEEP_INTERVAL);
        }
        if state.planned.is_some_and(|planned| planned <= at) {
            return;
        }
        state.planned = Some(at);
        let expiries = Arc::downgrade(self);
        let sweep = move || {
            if let Some(expiries) = expiries.upgrade() {
                expiries.sweep();
            }
        };
        Pool::get().run_at(at, Class::Long, once(sweep));
    }

    /// Removes the files that have expired.
    fn sweep(self: &Arc<Self>) {
        let (mut state, now) = (self.lock(), now());
        self.read(&mut state);
        // Until it has ended, no other is planned.
        (state.planned, state.swept) = (Some(*START), Some(Instant::now()));
        let (due, coming): (Vec<&Record>, Vec<&Record>) =
            state.records.values().flatten().partition(|record| record.expires <= now);
        let due = due.into_iter().cloned().collect();
        state.next = coming.iter().map(|record| record.expires).min();
        drop(state);
        Arc::clone(self).expire_all(due);
    }

    /// One after another, so that threads are left for what is waited for, and each after the calls that were made before.
    fn expire_all(self: Arc<Self>, mut due: Vec<Record>) {
        if let Some(record) = due.pop() {
            let path = path::of_key(&self.root.base, &record.key).unwrap_or_default();
            let claim = Claim::Places(place::behind_links(path), Access::Write);
            let expire = move || {
                self.expire(&record);
                self.expire_all(due);
            };
            return Pool::get().run(claim, Class::Long, once(expire));
        }
        let mut state = self.lock();
        state.planned = None;
        self.plan(&mut state);
        if state.read > state.limit.max(SHORTEST) {
            self.rewrite(&mut state);
        }
    }

    /// Removes the item's file, if it is still the one that was to expire. If it cannot be removed, it stays expired.
    fn expire(&self, record: &Record) {
        let removed = self.remove(record);
        let again = match &removed {
            Err(error) if error.kind() == ErrorKind::WouldBlock => Some(record.expires),
            Ok(true) => None,
            Ok(false) if self.holds(record) => return,
            // What the system refuses now it may allow later.
            Err(_) if self.holds(record) => Some(now().saturating_add(REFUSED_WAIT)),
            _ => Some(record.expires.saturating_add(GRACE)).filter(|&end| end > now()),
        };
        let mut state = self.lock();
        if let Some(again) = again {
            // Another sweep comes round to it.
            state.next = Some(state.next.map_or(again, |next| next.min(again)));
        } else {
            state.forget(record);
            self.publish(&state);
        }
    }

    /// Whether it is gone; WouldBlock if another process is writing there.
    fn remove(&self, record: &Record) -> io::Result<bool> {
        let Some((path, _)) = self.locate(&record.key)? else { return Ok(false) };
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return Ok(false) };
        let folder = self.root.lockable_folder(parent)?;
        if !lock::exclusive_within(&folder, SWEEP_PATIENCE)? {
            return Err(ErrorKind::WouldBlock.into());
        }
        // What a link leads to is in another folder, and not removed.
        let file = self.root.lockable_file(folder.as_fd(), name)?;
        if !lock::exclusive_within(&file, SWEEP_PATIENCE)? {
            return Err(ErrorKind::WouldBlock.into());
        }
        let stat = fstat(&file)?;
        // A file with other names may be written through them.
        if Stamp::from(&stat) != record.stamp || stat.st_nlink > 1 {
            return Ok(false);
        }
        if path::of_key(&self.root.base, &record.key).is_ok_and(|own| own == path) {
            // What a write that was interrupted left in overflow must not come to light.
            Remover { root: &self.root, durable: false }.remove_beside_files(&path, None)?;
        }
        unlinkat(&folder, name, AtFlags::empty())?;
        Ok(true)
    }

    fn publish(&self, state: &Index) {
        self.count.store(state.records.len(), Ordering::Release);
    }

    fn lock(&self) -> MutexGuard<'_, Index> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Since some moment of the process, and never 0.
fn milliseconds() -> u64 {
    u64::try_from(START.elapsed().as_millis()).unwrap_or(u64::MAX).saturating_add(1)
}

/// Makes a file's stamp one of its own, however coarse the system's clock is, and says what it is.
pub fn stamp(file: &File) -> io::Result<Stamp> {
    let since = since_1970();
    let modified =
        Timespec { tv_sec: i64::try_from(since.as_secs()).unwrap_or(i64::MAX), tv_nsec: since.subsec_nanos().into() };
    let unchanged = Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT };
    futimens(file, &Timestamps { last_access: unchanged, last_modification: modified })?;
    Ok(Stamp::from(&file.metadata()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::wall::{AHEAD, after},
        driver::patiently,
        drivers::fs::{sync::Ways, write::Writer},
    };
    use std::{
        fs,
        os::unix::fs::{PermissionsExt, symlink},
        sync::Barrier,
        thread,
    };

    /// An index that sweeps only when it is told to, as another process's would, and a writer over the same folder.
    fn over(base: &Path, atomic: bool) -> (Arc<Expiries>, Writer) {
        let root = Root { base: base.to_path_buf(), follow: true };
        let mode = |mode| Mode::from_raw_mode(mode);
        let (mode, folder_mode) = (mode(0o666), mode(0o777));
        let ways = Ways::default();
        let writer = Writer { root: root.clone(), atomic, durable: false, ways, mode, folder_mode };
        (Expiries::of(&root, base, false), writer)
    }

    /// A file at `path` that holds the item of `key`, which has expired.
    fn expired(path: &Path, key: &str) -> Record {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "old").unwrap();
        let stamp = stamp(&File::options().write(true).open(path).unwrap()).unwrap();
        Record { key: key.as_bytes().into(), stamp, expires: 0 }
    }

    fn meets_a_write(atomic: bool) {
        let base = tempfile::tempdir().unwrap();
        let (expiries, writer) = over(base.path(), atomic);
        let path = base.path().join("dir/item");
        for round in 0..3000 {
            let record = expired(&path, "dir:item");
            let start = Barrier::new(2);
            thread::scope(|scope| {
                scope.spawn(|| {
                    start.wait();
                    // So that it meets each step of the write.
                    let (waited, wait) = (Instant::now(), Duration::from_micros(round % 150));
                    while waited.elapsed() < wait {
                        std::hint::spin_loop();
                    }
                    expiries.expire(&record);
                });
                start.wait();
                patiently(|| writer.write(&path, b"new", None)).unwrap();
                assert_eq!(fs::read(&path).ok().as_deref(), Some(&b"new"[..]), "round {round}");
            });
            assert_eq!(fs::read(&path).unwrap(), b"new", "round {round}");
            assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "round {round}");
        }
    }

    #[test]
    fn a_sweep_takes_nothing_that_another_process_renames_into_place_meanwhile() {
        meets_a_write(true);
    }

    #[test]
    fn a_sweep_takes_nothing_that_another_process_writes_in_place_meanwhile() {
        meets_a_write(false);
    }

    #[test]
    fn a_sweep_comes_round_again_to_what_another_process_is_writing() {
        let base = tempfile::tempdir().unwrap();
        let (expiries, _) = over(base.path(), true);
        let path = base.path().join("dir/item");
        let record = expired(&path, "dir:item");
        let folder = File::open(path.parent().unwrap()).unwrap();
        let file = File::open(&path).unwrap();
        expiries.lock().insert(record.clone());
        for locked in [&folder, &file] {
            expiries.lock().next = None;
            assert!(lock::exclusive_within(locked, Duration::ZERO).unwrap());
            expiries.expire(&record);
            assert_eq!(expiries.lock().next, Some(record.expires));
            assert!(path.exists() && expiries.is_expired(&record.key, record.stamp));
            lock::release(locked);
        }
        expiries.expire(&record);
        assert!(!path.exists() && expiries.is_empty());
    }

    #[test]
    fn a_sweep_lets_files_with_several_names_be() {
        let base = tempfile::tempdir().unwrap();
        let (expiries, _) = over(base.path(), true);
        let at = |name: &str| base.path().join(name);
        for other in ["soft", "hard"] {
            let record = expired(&at("item"), other);
            match other {
                "soft" => symlink(at("item"), at(other)).unwrap(),
                _ => fs::hard_link(at("item"), at(other)).unwrap(),
            }
            expiries.expire(&record);
            assert!(at(other).exists() && at("item").exists());
        }
    }

    #[test]
    fn a_sweep_brings_no_older_value_to_light() {
        let base = tempfile::tempdir().unwrap();
        let (expiries, writer) = over(base.path(), true);
        let path = base.path().join("foo/bar");
        fs::write(base.path().join("foo"), "").unwrap();
        writer.write(&path, b"older", None).unwrap();
        fs::remove_file(base.path().join("foo")).unwrap();
        // As a process leaves it that is killed before it removes what it replaced.
        let record = expired(&path, "foo:bar");
        assert_eq!(expiries.locate(b"foo:bar").unwrap().map(|(path, _)| path).as_deref(), Some(&*path));
        expiries.expire(&record);
        assert_eq!(expiries.locate(b"foo:bar").unwrap(), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_the_system_refuses_to_remove_stays_expired_and_is_tried_again_later() {
        let base = tempfile::tempdir().unwrap();
        let (expiries, _) = over(base.path(), true);
        let (folder, path) = (base.path().join("dir"), base.path().join("dir/item"));
        let record = expired(&path, "dir:item");
        fs::set_permissions(base.path(), fs::Permissions::from_mode(0o755)).unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o555)).unwrap();
        expiries.lock().insert(record.clone());
        expiries.lock().next = None;
        let before = now();
        thread::scope(|scope| {
            scope.spawn(|| {
                // The superuser may do everything; another, whom this thread is from here on, may not.
                let _ = rustix::thread::set_thread_uid(rustix::fs::Uid::from_raw(65534));
                expiries.expire(&record);
            });
        });
        let next = expiries.lock().next.unwrap();
        assert!(next >= before + REFUSED_WAIT && next <= now() + REFUSED_WAIT);
        assert!(path.exists() && expiries.is_expired(&record.key, record.stamp));
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
        expiries.expire(&record);
        assert!(!path.exists() && expiries.is_empty());
    }

    #[test]
    fn an_index_that_takes_the_inode_of_the_old_one_is_read_anew() {
        let base = tempfile::tempdir().unwrap();
        let (expiries, _) = over(base.path(), true);
        let add = |name: &str| {
            let record = Record { expires: u64::MAX, ..expired(&base.path().join(name), name) };
            expiries.add(record.clone(), Mode::from_raw_mode(0o666), false).unwrap();
            record
        };
        let known = |record: &Record| {
            expiries.read(&mut expiries.lock());
            expiries.expires(&record.key, record.stamp).is_some()
        };
        let (first, second) = (add("first"), add("second"));
        assert!(known(&first) && known(&second));
        // As if the file that was read had been removed, and another one made with its number.
        expiries.lock().made = Some(SystemTime::UNIX_EPOCH);
        fs::write(base.path().join(INDEX), format!("{}{}", second.to_line(), "#".repeat(1000))).unwrap();
        assert!(!known(&first) && known(&second));
    }

    #[test]
    fn noise_without_an_end_of_line_is_read_once() {
        let base = tempfile::tempdir().unwrap();
        let (expiries, _) = over(base.path(), true);
        let record = Record { expires: u64::MAX, ..expired(&base.path().join("item"), "item") };
        let read = |text: &str| {
            fs::write(base.path().join(INDEX), text).unwrap();
            let mut state = expiries.lock();
            expiries.read(&mut state);
            (state.read, state.records.len())
        };
        let noise = "#".repeat(1_000_000);
        let (length, _) = read(&noise);
        assert!(noise.len() as u64 - length < record::LONGEST_LINE);
        // What comes after it counts; and a line that is still being written is read when it is whole.
        let whole = format!("{noise}{}", record.to_line());
        assert_eq!(read(&whole[..whole.len() - 1]).1, 0);
        assert_eq!(read(&whole), (whole.len() as u64, 1));
    }

    #[test]
    fn an_index_that_is_written_anew_keeps_owner_and_mode() {
        let base = tempfile::tempdir().unwrap();
        let (expiries, _) = over(base.path(), true);
        let record = Record { expires: u64::MAX, ..expired(&base.path().join("item"), "item") };
        expiries.add(record, Mode::from_raw_mode(0o600), false).unwrap();
        let index = base.path().join(INDEX);
        assert_eq!(fs::metadata(&index).unwrap().mode() & 0o7777, 0o600);
        fs::set_permissions(&index, fs::Permissions::from_mode(0o640)).unwrap();
        // Only the superuser may.
        let _ = std::os::unix::fs::chown(&index, Some(65534), Some(65534));
        let whose = |metadata: &fs::Metadata| (metadata.uid(), metadata.gid(), metadata.mode());
        let before = fs::metadata(&index).unwrap();
        expiries.rewrite(&mut expiries.lock());
        let after = fs::metadata(&index).unwrap();
        assert_eq!((whose(&after), after.ino() == before.ino()), (whose(&before), false));
    }

    #[test]
    fn a_clock_that_is_set_ahead_or_back_holds_up_no_sweep() {
        let base = tempfile::tempdir().unwrap();
        let (expiries, _) = over(base.path(), true);
        expiries.sweeps.store(true, Ordering::Relaxed);
        let add = |name: &str, life: f64| {
            let record = Record { expires: after(life), ..expired(&base.path().join(name), name) };
            expiries.add(record.clone(), Mode::from_raw_mode(0o666), false).unwrap();
            record
        };
        let hour = 3_600_000.0;
        let goes = |name: &str| {
            let started = Instant::now();
            while base.path().join(name).exists() {
                assert!(started.elapsed() < Duration::from_secs(30), "{name} stays");
                thread::sleep(Duration::from_millis(10));
            }
        };
        let long = add("long", hour);
        let longer = add("longer", 3.0 * hour);
        AHEAD.store(2 * 3600, Ordering::Relaxed);
        assert!(expiries.is_expired(&long.key, long.stamp) && !expiries.is_expired(&longer.key, longer.stamp));
        add("ahead", 5.0);
        goes("ahead");
        goes("long");
        AHEAD.store(0, Ordering::Relaxed);
        add("back", 5.0);
        goes("back");
        assert!(base.path().join("longer").exists() && !expiries.is_expired(&longer.key, longer.stamp));
    }

    #[test]
    fn what_expired_before_its_file_got_its_name_is_expired_then() {
        let base = tempfile::tempdir().unwrap();
        let (expiries, _) = over(base.path(), true);
        let (unnamed, path) = (base.path().join("unnamed"), base.path().join("item"));
        let record = Record { expires: now(), ..expired(&unnamed, "item") };
        expiries.add(record.clone(), Mode::from_raw_mode(0o666), false).unwrap();
        expiries.expire(&record);
        expiries.rewrite(&mut expiries.lock());
        fs::rename(&unnamed, &path).unwrap();
        assert!(expiries.is_expired(&record.key, record.stamp));
        expiries.expire(&record);
        assert!(!path.exists() && expiries.is_empty());
    }
}
