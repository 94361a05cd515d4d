//! The watchers of an environment: how they start, tell of changes, and end.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use super::{
    codes::code,
    completion::{Content, Message, Outcome},
    context::{Context, Report},
};
use crate::{
    driver::{AsyncDriver, BlockingDriver, Watch},
    error::{Cause, Failure, StorageError, panic_text},
};

/// Empty until the watcher has started.
pub type WatchSlot = Mutex<Option<Watch>>;

impl Context {
    /// Starts a watcher, which belongs to the request.
    pub fn watch(&mut self, driver: &Arc<dyn BlockingDriver>) -> i32 {
        let request = self.begin();
        let slot = Arc::<WatchSlot>::default();
        self.watches.insert(request, Arc::clone(&slot));
        let (queue, changes) = (self.queue(), self.queue());
        let report = Report { queue, request, driver: driver.name(), operation: "watch", key: None };
        let driver = Arc::clone(driver);
        run_apart(report, move |report| {
            let tell = Box::new(move |change, key: &[u8]| {
                changes.push(Message { request, content: Content::Change(change, key.into()) });
            });
            let result = catch_unwind(AssertUnwindSafe(|| driver.watch(tell)));
            let result = result.unwrap_or_else(|panic| Err(Cause::Panic(panic_text(&*panic))));
            report.send(result.map(|watch| {
                *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(watch);
                Outcome::Nothing
            }));
        });
        code::PENDING
    }

    /// As `watch`, where no thread is needed.
    pub fn watch_remote(&mut self, driver: &Arc<dyn AsyncDriver>) -> i32 {
        let slot = Arc::<WatchSlot>::default();
        let (started, changes, warnings) = (Arc::clone(&slot), self.queue(), self.queue());
        let (answer, code) = self.answer(driver, "watch", b"", move |watch| {
            *started.lock().unwrap_or_else(PoisonError::into_inner) = Some(watch);
            Outcome::Nothing
        });
        let (request, name) = (self.last_request, driver.name());
        self.watches.insert(request, slot);
        let tell = Box::new(move |change, key: &[u8]| {
            changes.push(Message { request, content: Content::Change(change, key.into()) });
        });
        let warn = Box::new(move |failure: Failure| {
            let error = StorageError { driver: name, operation: "watch", key: None, cause: failure.into() };
            warnings.push(Message { request, content: Content::Warning(error) });
        });
        driver.watch(tell, warn, answer);
        self.send_later(driver);
        code
    }

    /// Ends a watcher.
    pub fn unwatch(&mut self, driver: &'static str, watch: i32) -> i32 {
        let slot = self.watches.remove(&watch);
        let (queue, request) = (self.queue(), self.begin());
        let report = Report { queue, request, driver, operation: "unwatch", key: None };
        run_apart(report, move |report| {
            let watch = slot.and_then(|slot| slot.lock().unwrap_or_else(PoisonError::into_inner).take());
            if let Some(watch) = watch {
                watch.end();
            }
            report.send(Ok(Outcome::Nothing));
        });
        code::PENDING
    }
}

/// Runs on a thread of its own what waits for other threads, and calls in the pool must not wait for.
fn run_apart(report: Report, job: impl FnOnce(Report) + Send + 'static) {
    let refused = report.clone();
    if let Err(error) = thread::Builder::new().name("rustorage-call".into()).spawn(move || job(report)) {
        refused.send(Err(error.into()));
    }
}
