//! Snapshots, the last of which is kept for the next read while nobody has written: to make one takes longer than most reads.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use heed::{Env, RoTxn, WithoutTls};

use super::{
    failure::failure,
    gate::{Gate, Pass},
};
use crate::{
    driver::{Class, Pool, once},
    error::Failure,
};

/// No snapshot is kept for longer: while there is one, the room of what is removed after it is not used again.
const LONGEST: Duration = Duration::from_millis(20);

pub struct Snapshots {
    env: Env<WithoutTls>,
    gate: Gate,
    kept: Mutex<Option<Snapshot>>,
    /// A timer will let go of what is kept.
    planned: AtomicBool,
}

/// What is read, as it was at one moment.
pub struct Snapshot {
    // Dropped in this order.
    txn: RoTxn<'static, WithoutTls>,
    _inside: Pass,
}

/// A snapshot in use. It goes back when it is dropped.
pub struct Borrowed {
    /// None while it is dropped.
    snapshot: Option<Snapshot>,
    home: Arc<Snapshots>,
}

impl Snapshots {
    pub fn new(env: Env<WithoutTls>) -> Arc<Self> {
        Arc::new(Self { env, gate: Gate::default(), kept: Mutex::default(), planned: AtomicBool::new(false) })
    }

    /// Reads the items as they are now; None where that had to wait.
    pub fn look<T>(self: &Arc<Self>, read: impl FnOnce(&RoTxn<'static, WithoutTls>) -> T) -> Option<T> {
        let Ok(mut kept) = self.kept.try_lock() else {
            // Another thread reads it.
            return Some(read(&self.make().ok()?.txn));
        };
        if !kept.as_ref().is_some_and(|kept| self.is_newest(kept)) {
            // Before there is another: each reader has a place.
            *kept = None;
            *kept = Some(self.make().ok()?);
            self.plan();
        }
        kept.as_ref().map(|kept| read(&kept.txn))
    }

    /// The items as they are now, to be kept. It fails where that had to wait.
    pub fn take(self: &Arc<Self>) -> Result<Borrowed, Failure> {
        let kept = self.kept.try_lock().ok().and_then(|mut kept| kept.take());
        let newest = kept.filter(|kept| self.is_newest(kept));
        let snapshot = newest.map_or_else(|| self.make(), Ok)?;
        Ok(Borrowed { snapshot: Some(snapshot), home: Arc::clone(self) })
    }

    /// Nobody has written since, in any process.
    fn is_newest(&self, snapshot: &Snapshot) -> bool {
        snapshot.txn.id() == self.env.info().last_txn_id
    }

    fn make(&self) -> Result<Snapshot, Failure> {
        let inside = self.gate.enter().ok_or_else(|| Failure::new("EAGAIN", "the map of the database moves"))?;
        // Where another process made the file larger than the map, or too many read, the writer's way is open.
        let txn = self.env.clone().static_read_txn().map_err(|error| failure(&error))?;
        Ok(Snapshot { txn, _inside: inside })
    }

    /// Does `act` while there is no snapshot.
    pub fn without<T>(&self, act: impl FnOnce() -> T) -> T {
        self.gate.alone(|| self.let_go(), act)
    }

    /// Keeps no snapshot.
    pub fn let_go(&self) {
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn keep(self: &Arc<Self>, snapshot: Snapshot) {
        let Ok(mut kept) = self.kept.try_lock() else { return };
        // Whoever closed it lets go of what was kept before, with the lock.
        if self.gate.is_closed() {
            return;
        }
        *kept = Some(snapshot);
        drop(kept);
        self.plan();
    }

    /// Sees to it that what is kept is let go of.
    fn plan(self: &Arc<Self>) {
        if self.planned.load(Ordering::Relaxed) || self.planned.swap(true, Ordering::AcqRel) {
            return;
        }
        let snapshots = Arc::downgrade(self);
        let end = once(move || {
            if let Some(snapshots) = snapshots.upgrade() {
                snapshots.planned.store(false, Ordering::Release);
                snapshots.let_go();
            }
        });
        Pool::get().run_at(Instant::now() + LONGEST, Class::Short, end);
    }
}

impl Borrowed {
    pub fn txn(&self) -> &RoTxn<'static, WithoutTls> {
        match &self.snapshot {
            Some(snapshot) => &snapshot.txn,
            None => unreachable!("it is there until it is dropped"),
        }
    }
}

impl Drop for Borrowed {
    fn drop(&mut self) {
        if let Some(snapshot) = self.snapshot.take() {
            self.home.keep(snapshot);
        }
    }
}
