//! What became of items, until it is told.

use std::{
    fs,
    path::Path,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use super::{Phase, Watcher, names::item};
use crate::{clock::wall, driver::Change};

/// A file that may still be written to.
pub(super) struct Unfinished {
    /// Nobody heard of it yet.
    is_new: bool,
    size: Option<u64>,
    since: Instant,
}

impl Watcher {
    pub(super) fn updated(&mut self, path: &Path, is_new: bool) {
        match self.phase {
            Phase::Silent => return,
            Phase::Running if self.stability.is_some() => {
                let now = Instant::now();
                let new = || Unfinished { is_new, size: None, since: now };
                self.unfinished.entry(path.to_path_buf()).or_insert_with(new).since = now;
                return;
            }
            Phase::Initial | Phase::Running => {}
        }
        self.report(Change::Update, path);
    }

    pub(super) fn removed(&mut self, path: &Path, expires: Option<u64>) {
        let unfinished = self.unfinished.remove(path);
        // An item expires in silence, and one that nobody heard of goes so.
        let is_over = expires.is_some_and(|expires| expires <= wall::now());
        if !is_over && unfinished.is_none_or(|unfinished| !unfinished.is_new) {
            self.report(Change::Remove, path);
        }
    }

    pub(super) fn report(&mut self, change: Change, path: &Path) {
        let base = &self.scope.root.base;
        self.changes.insert(base.join(item(path.strip_prefix(base).unwrap_or(path))), change);
    }

    /// Tells what became of each item in the end.
    pub(super) fn deliver(&mut self) {
        self.enter_found();
        for (path, mut change) in std::mem::take(&mut self.changes) {
            if change == Change::Remove && self.is_there(&path) {
                if let Some(unfinished) = self.unfinished.get_mut(&path) {
                    // It was told of before, so its end will be, too.
                    unfinished.is_new = false;
                    continue;
                }
                change = Change::Update;
            }
            if !self.stopped.load(Ordering::Acquire) {
                (self.tell)(change, self.key(&path).as_bytes());
            }
        }
    }

    /// Whether the item has another file beside the one that went: it was in two places for a moment.
    pub(super) fn is_there(&self, path: &Path) -> bool {
        self.scope.root.locate(path).is_ok_and(|found| found.is_some())
    }

    pub(super) fn check_unfinished(&mut self) {
        let Some(stability) = self.stability else { return };
        let threshold = Duration::from_millis(stability.stability_threshold);
        let mut finished = Vec::new();
        for (path, unfinished) in &mut self.unfinished {
            // That it is gone will be reported.
            let found = fs::metadata(path).or_else(|_| fs::symlink_metadata(path));
            let Ok(metadata) = found else { continue };
            let size = Some(metadata.len());
            if unfinished.size.is_some() && unfinished.size != size {
                unfinished.since = Instant::now();
            }
            unfinished.size = size;
            if unfinished.since.elapsed() >= threshold {
                finished.push(path.clone());
            }
        }
        for path in finished {
            self.unfinished.remove(&path);
            self.report(Change::Update, &path);
        }
        self.deliver();
    }
}
