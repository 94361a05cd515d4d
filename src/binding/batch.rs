//! Many keys of one blocking driver, read by all workers of the pool and answered in one go.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;

use super::completion::{Content, Message, Outcome, Queue};
use crate::{
    driver::{Access, BlockingDriver, Claim, Class, Pool, WORKERS, retried},
    error::{Cause, StorageError, panic_text},
};

/// A smaller part costs more to hand over than to read.
const SMALLEST_PART: usize = 8;

/// A key relative to its mount, and as errors name it.
pub struct Asked {
    pub relative: Box<[u8]>,
    pub full: Box<[u8]>,
}

type Part = Result<Vec<Option<Bytes>>, StorageError>;

struct Gathering {
    request: i32,
    queue: Arc<Queue>,
    /// None for a part that is still being read.
    parts: Mutex<Vec<Option<Part>>>,
}

/// Reads the items of `asked` as texts, and answers `request` through `queue`.
pub fn read(driver: &Arc<dyn BlockingDriver>, asked: Vec<Asked>, request: i32, queue: Arc<Queue>) {
    let size = asked.len().div_ceil(WORKERS).max(SMALLEST_PART);
    let count = asked.len().div_ceil(size);
    let parts = Mutex::new((0..count).map(|_| None).collect());
    let gathering = Arc::new(Gathering { request, queue, parts });
    let mut asked = asked.into_iter();
    Pool::get().run_all((0..count).map(|index| {
        let part: Arc<[Asked]> = asked.by_ref().take(size).collect();
        let lookup = {
            let (driver, part) = (Arc::clone(driver), Arc::clone(&part));
            move || part.iter().flat_map(|asked| driver.places(&asked.relative)).collect()
        };
        let claim = Claim::Later(Box::new(lookup), Access::Read);
        let (driver, gathering) = (Arc::clone(driver), Arc::clone(&gathering));
        let read = move || read_part(&*driver, &part);
        (claim, Class::Short, retried(read, move |part| gathering.arrived(index, part)))
    }));
}

fn read_part(driver: &dyn BlockingDriver, part: &[Asked]) -> Part {
    let read = |asked: &Asked| {
        let result = catch_unwind(AssertUnwindSafe(|| driver.get(&asked.relative)));
        result.unwrap_or_else(|panic| Err(Cause::Panic(panic_text(&*panic)))).map_err(|cause| StorageError {
            driver: driver.name(),
            operation: "getItems",
            key: Some(String::from_utf8_lossy(&asked.full).into_owned()),
            cause,
        })
    };
    part.iter().map(read).collect()
}

impl Gathering {
    fn arrived(&self, index: usize, part: Part) {
        let mut parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        parts[index] = Some(part);
        if parts.iter().all(Option::is_some) {
            let parts: Result<Vec<_>, _> = parts.drain(..).flatten().collect();
            let outcome = parts.map(|parts| Outcome::Texts(parts.into_iter().flatten().collect()));
            self.queue.push(Message { request: self.request, content: Content::Completion(outcome) });
        }
    }
}
