//! Which items expire, and when: an index in the base, of which every process keeps what it read.
//!
//! A record holds for one writing of a file. Whoever writes the file anew, with this driver or not, makes another stamp, and
//! what the index says no longer holds. So loss and damage of the index cost expiries and never values.

mod index;
mod record;
mod sweep;
#[cfg(test)]
mod tests;

#[cfg(target_os = "linux")]
use std::task::Poll;
use std::{
    collections::HashMap,
    io,
    path::{Path, PathBuf},
    sync::{
        Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Instant,
};

use rustix::fs::Mode;

use index::Index;
pub use record::Record;

use super::{path, root::Root, stamp::Stamp};
use crate::clock::wall::now;

/// How long what was read of the index is good for: other processes' expiries are seen so much later at most.
const FRESH: u64 = 500;
/// For so many milliseconds a record holds whose file is not there: it is written before the file gets its name.
const GRACE: u64 = 10_000;

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
    /// Some driver over the base is durable, and the index whose name is on the disk.
    durable: AtomicBool,
    named: AtomicU64,
}

/// What went wrong with the index, and not with the item's file.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct IndexError(pub io::Error);

impl Expiries {
    pub fn of(root: &Root, canonical: &Path, writes: bool, durable: bool) -> Arc<Self> {
        let mut bases = BASES.lock().unwrap_or_else(PoisonError::into_inner);
        bases.retain(|_, known| known.strong_count() > 0);
        let known = bases.get(canonical).and_then(Weak::upgrade).unwrap_or_else(|| {
            let made = Arc::new(Self {
                root: Root { base: canonical.to_path_buf(), ..root.clone() },
                state: Mutex::default(),
                count: AtomicUsize::new(0),
                checked: AtomicU64::new(0),
                sweeps: AtomicBool::new(false),
                durable: AtomicBool::new(false),
                named: AtomicU64::new(0),
            });
            bases.insert(canonical.to_path_buf(), Arc::downgrade(&made));
            made
        });
        known.sweeps.fetch_or(writes, Ordering::Relaxed);
        known.durable.fetch_or(durable, Ordering::Relaxed);
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
        self.shorten(&mut state, length);
        self.plan(&mut state);
        Ok(())
    }

    /// Whether the file that the record speaks of is still there.
    fn holds(&self, record: &Record) -> bool {
        self.locate(&record.key).is_ok_and(|place| place.is_some_and(|(_, stamp)| stamp == record.stamp))
    }

    fn locate(&self, key: &[u8]) -> io::Result<Option<(PathBuf, Stamp)>> {
        let Ok(path) = path::of_key(&self.root.base, key) else { return Ok(None) };
        Ok(self.root.locate(&path)?.map(|(place, metadata)| (place, Stamp::from(&metadata))))
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
