//! Which items expire, and when: an index in the base, of which every process keeps what it read.
//!
//! A record holds for one writing of a file. Whoever writes the file anew, with this driver or not, makes another stamp, and
//! what the index says no longer holds. So loss and damage of the index cost expiries and never values.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{
        Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    task::Poll,
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use rustix::{
    fs::{
        AtFlags, FlockOperation, Mode, OFlags, Timespec, Timestamps, UTIME_OMIT, flock, futimens, linkat, renameat,
        statat, unlinkat,
    },
    io::Errno,
};

use super::{
    layout::{Found, INDEX, find, unfinished_name},
    path,
    record::Record,
    root::{Root, found},
    stamp::Stamp,
};
use crate::driver::{Access, Claim, Job, Place, Pool};

/// How long what was read of the index is good for: other processes' expiries are seen so much later at most.
const FRESH: u64 = 500;
/// The index is written anew when it is twice as long as then, but not below this.
const SHORTEST: u64 = 64 * 1024;
/// Milliseconds between two sweeps, so that many items with many times do not make many sweeps.
const SWEEP_INTERVAL: u64 = 1000;
/// How often a lock that another process holds is tried, with a millisecond in between.
const LOCK_ATTEMPTS: usize = 100;

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

/// What was read.
#[derive(Default)]
struct Index {
    /// The last two of each key: between a record and the file's new name, the file that was there still counts.
    records: HashMap<Box<[u8]>, Vec<Record>>,
    inode: u64,
    /// How much of the file was read.
    read: u64,
    /// At what length it is written anew.
    limit: u64,
    /// The first expiry that no sweep is planned for or has seen.
    next: Option<u64>,
    /// When the next sweep comes, and when the last one came.
    planned: Option<u64>,
    swept: u64,
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

/// Milliseconds since 1970.
pub fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// The moment after a life of so many milliseconds.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` clamps, which is what is meant")]
pub fn after(life: f64) -> u64 {
    now().saturating_add(life.ceil() as u64)
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

    /// From now on the file with this stamp holds the item until `expires`.
    pub fn add(self: &Arc<Self>, record: Record, durable: bool) -> io::Result<()> {
        let mut file = self.open_for_adding()?;
        file.write_all(record.to_line().as_bytes())?;
        if durable {
            file.sync_all()?;
        }
        let length = file.metadata()?.len();
        // Before others are let in: they may write the index anew.
        drop(file);
        let mut state = self.lock();
        state.insert(record);
        if length > state.limit.max(SHORTEST) {
            self.rewrite(&mut state);
        }
        self.plan(&mut state);
        Ok(())
    }

    fn path(&self) -> PathBuf {
        self.root.base.join(INDEX)
    }

    /// The index, locked against being written anew, as far as that can be had.
    fn open_for_adding(&self) -> io::Result<File> {
        let path = self.path();
        loop {
            let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE;
            let file = File::from(self.root.open(&path, flags, Mode::from_raw_mode(0o666))?);
            lock_file(&file, FlockOperation::NonBlockingLockShared, LOCK_ATTEMPTS);
            // It may have been replaced before the lock.
            if found(path.metadata())?
                .is_some_and(|metadata| metadata.ino() == file.metadata().map_or(0, |own| own.ino()))
            {
                return Ok(file);
            }
        }
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
        if metadata.ino() != state.inode || metadata.len() < state.read {
            state.reset();
            state.inode = metadata.ino();
        }
        if metadata.len() == state.read {
            return Ok(());
        }
        let mut file = File::open(self.path())?;
        file.seek(SeekFrom::Start(state.read))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        // A line that is still being written is read the next time.
        let end = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        for record in bytes[..end].split(|&byte| byte == b'\n').filter_map(Record::from_line) {
            state.insert(record);
        }
        state.read += end as u64;
        Ok(())
    }

    /// Writes the index without what no longer holds.
    fn rewrite(&self, state: &mut Index) {
        // The next write comes round to it again.
        let Ok(file) = File::open(self.path()) else { return };
        if !lock_file(&file, FlockOperation::NonBlockingLockExclusive, 1) {
            return;
        }
        self.read(state);
        let now = now();
        for records in state.records.values_mut() {
            records.retain(|record| record.expires > now || self.holds(record));
        }
        state.records.retain(|_, records| !records.is_empty());
        let lines: String = state.records.values().flatten().map(Record::to_line).collect();
        let temporary = self.root.base.join(unfinished_name());
        let written = if lines.is_empty() {
            std::fs::remove_file(self.path())
        } else {
            std::fs::write(&temporary, &lines).and_then(|()| std::fs::rename(&temporary, self.path()))
        };
        if written.is_err() {
            let _ = std::fs::remove_file(&temporary);
        }
        state.limit = 2 * lines.len() as u64;
        self.read(state);
    }

    /// Whether the file that the record speaks of is still there.
    fn holds(&self, record: &Record) -> bool {
        self.locate(&record.key).is_ok_and(|place| place.is_some_and(|(_, stamp)| stamp == record.stamp))
    }

    fn locate(&self, key: &[u8]) -> io::Result<Option<(PathBuf, Stamp)>> {
        let Ok(path) = path::of_key(&self.root.base, key) else { return Ok(None) };
        find(&self.root.base, &path, |path| {
            Ok(match found(self.root.metadata(path))? {
                None => Found::Nothing,
                Some(metadata) if metadata.is_dir() => Found::Folder,
                Some(metadata) => Found::Item((path.to_path_buf(), Stamp::from(&metadata))),
            })
        })
    }

    /// Sees to it that files go when they expire.
    fn plan(self: &Arc<Self>, state: &mut Index) {
        self.publish(state);
        let Some(next) = state.next.filter(|_| self.sweeps.load(Ordering::Relaxed)) else { return };
        // The system's clock may have been set back since.
        let next = next.max(state.swept.min(now()).saturating_add(SWEEP_INTERVAL));
        if state.planned.is_some_and(|planned| planned <= next) {
            return;
        }
        let wait = Duration::from_millis(next.saturating_sub(now()).saturating_add(1));
        let Some(at) = Instant::now().checked_add(wait) else { return };
        state.planned = Some(next);
        let expiries = Arc::downgrade(self);
        Pool::get().run_at(at, move || {
            if let Some(expiries) = expiries.upgrade() {
                expiries.sweep();
            }
        });
    }

    /// Removes the files that have expired, each after the calls that were made before.
    fn sweep(self: &Arc<Self>) {
        let (mut state, now) = (self.lock(), now());
        self.read(&mut state);
        (state.planned, state.swept) = (None, now);
        let (due, coming): (Vec<&Record>, Vec<&Record>) =
            state.records.values().flatten().partition(|record| record.expires <= now);
        let next = coming.iter().map(|record| record.expires).min();
        let jobs: Vec<_> = due
            .into_iter()
            .filter_map(|record| {
                let path = path::of_key(&self.root.base, &record.key).ok()?;
                let claim = Claim::Item(Place::new(path.into_os_string().into_encoded_bytes()), Access::Write);
                let (expiries, record) = (Arc::clone(self), record.clone());
                let job: Job = Box::new(move || expiries.expire(&record));
                Some((claim, job))
            })
            .collect();
        Pool::get().run_all(jobs);
        state.next = next;
        self.plan(&mut state);
        if state.read > state.limit.max(SHORTEST) {
            self.rewrite(&mut state);
        }
    }

    /// Removes the item's file, if it is still the one that was to expire. If it cannot be removed, it stays expired.
    fn expire(&self, record: &Record) {
        if let Ok(Some((path, stamp))) = self.locate(&record.key)
            && stamp == record.stamp
        {
            let _ = self.remove(&path, stamp);
        }
        if !self.holds(record) {
            let mut state = self.lock();
            state.forget(record);
            self.publish(&state);
        }
    }

    /// Another process may write the file anew between a look and a removal: so the file is taken away first, and looked
    /// at when nobody can reach it.
    fn remove(&self, path: &Path, stamp: Stamp) -> io::Result<()> {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return Ok(()) };
        let (folder, taken) = (self.root.folder(parent)?, unfinished_name());
        if statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW).is_ok_and(|stat| Stamp::from(&stat) != stamp) {
            // The record speaks of what a link leads to.
            return Ok(());
        }
        renameat(&folder, name, &folder, &*taken)?;
        let is_due = statat(&folder, &*taken, AtFlags::SYMLINK_NOFOLLOW).is_ok_and(|stat| Stamp::from(&stat) == stamp);
        // A link does not put itself in the place of what was written meanwhile.
        if !is_due
            && let Err(error) = linkat(&folder, &*taken, &folder, name, AtFlags::empty())
            && error != Errno::EXIST
        {
            return Ok(renameat(&folder, &*taken, &folder, name)?);
        }
        unlinkat(&folder, &*taken, AtFlags::empty())?;
        Ok(())
    }

    fn publish(&self, state: &Index) {
        self.count.store(state.records.len(), Ordering::Release);
    }

    fn lock(&self) -> MutexGuard<'_, Index> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Locks the file against other processes, unless that takes too long: a process that holds a lock may have been stopped.
fn lock_file(file: &File, operation: FlockOperation, attempts: usize) -> bool {
    for attempt in 1..=attempts {
        match flock(file, operation) {
            Ok(()) => return true,
            Err(Errno::WOULDBLOCK | Errno::INTR) if attempt < attempts => thread::sleep(Duration::from_millis(1)),
            Err(_) => break,
        }
    }
    false
}

/// Since some moment of the process, and never 0.
fn milliseconds() -> u64 {
    u64::try_from(START.elapsed().as_millis()).unwrap_or(u64::MAX).saturating_add(1)
}

/// Makes a file's stamp one of its own, however coarse the system's clock is, and says what it is.
pub fn stamp(file: &File) -> io::Result<Stamp> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let modified =
        Timespec { tv_sec: i64::try_from(since.as_secs()).unwrap_or(i64::MAX), tv_nsec: since.subsec_nanos().into() };
    let unchanged = Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT };
    futimens(file, &Timestamps { last_access: unchanged, last_modification: modified })?;
    Ok(Stamp::from(&file.metadata()?))
}
