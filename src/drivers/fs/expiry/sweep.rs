//! How files go that have expired.

use std::{
    io::{self, ErrorKind},
    os::fd::AsFd,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use rustix::fs::{AtFlags, fstat, unlinkat};

use super::{
    super::{lock, path, place, remove::Remover, stamp::Stamp},
    Expiries, GRACE, START,
    index::Index,
    record::Record,
};
use crate::{
    clock::wall::now,
    driver::{Access, Claim, Class, Pool, once},
};

/// Between two sweeps, so that many items with many times do not make many sweeps.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);
/// After so long a sweep looks whatever was to come: the system's clock may have been set, and timers stand still while the
/// system sleeps.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// Milliseconds after which a file that could not be removed is tried again.
pub const REFUSED_WAIT: u64 = 60_000;
/// How long a sweep waits for a lock: it comes round again.
const SWEEP_PATIENCE: Duration = Duration::from_millis(20);

impl Expiries {
    /// Sees to it that files go when they expire.
    pub(super) fn plan(self: &Arc<Self>, state: &mut Index) {
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
        let length = state.read;
        self.shorten(&mut state, length);
    }

    /// Removes the item's file, if it is still the one that was to expire. If it cannot be removed, it stays expired.
    pub(super) fn expire(&self, record: &Record) {
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
}
