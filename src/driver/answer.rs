//! How a call that has no thread of its own is answered.

use std::sync::Arc;

use crate::error::Cause;

type Send<T> = Box<dyn FnOnce(Result<T, Cause>) -> Option<Arc<dyn Bell>> + std::marker::Send>;

/// Wakes whoever waits for answers.
pub trait Bell: std::marker::Send + Sync {
    fn ring(&self);
}

/// Where the answer of one call goes. Dropped without one, it says so itself: every call ends.
pub struct Answer<T>(Option<Send<T>>);

impl<T> Answer<T> {
    /// `send` puts the answer where its reader will find it, and gives the bell that wakes the reader.
    pub fn new(send: impl FnOnce(Result<T, Cause>) -> Option<Arc<dyn Bell>> + std::marker::Send + 'static) -> Self {
        Self(Some(Box::new(send)))
    }

    /// The answer of a call that fails for other causes than its caller is told.
    #[must_use]
    pub fn telling(mut self, cause: impl FnOnce(Cause) -> Cause + std::marker::Send + 'static) -> Self
    where
        T: 'static,
    {
        let send = self.0.take();
        Self::new(move |result| send.and_then(|send| send(result.map_err(cause))))
    }

    pub fn send(mut self, result: Result<T, Cause>, bells: &mut Bells) {
        if let Some(bell) = self.0.take().and_then(|send| send(result)) {
            bells.add(bell);
        }
    }
}

impl<T> Drop for Answer<T> {
    fn drop(&mut self) {
        if let Some(bell) = self.0.take().and_then(|send| send(Err(Cause::Abandoned))) {
            bell.ring();
        }
    }
}

/// The bells of all answers that were sent together. Each is rung once, when this is dropped.
#[derive(Default)]
pub struct Bells(Vec<Arc<dyn Bell>>);

impl Bells {
    fn add(&mut self, bell: Arc<dyn Bell>) {
        // There is one for each environment: hardly ever more than one.
        if !self.0.iter().any(|known| Arc::ptr_eq(known, &bell)) {
            self.0.push(bell);
        }
    }
}

impl Drop for Bells {
    fn drop(&mut self) {
        for bell in self.0.drain(..) {
            bell.ring();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    };

    #[derive(Default)]
    struct Reader {
        heard: Mutex<Vec<Result<u32, String>>>,
        rung: AtomicUsize,
    }

    impl Bell for Reader {
        fn ring(&self) {
            self.rung.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn answer(reader: &Arc<Reader>) -> Answer<u32> {
        let reader = Arc::clone(reader);
        Answer::new(move |result| {
            reader.heard.lock().unwrap().push(result.map_err(|cause| cause.to_string()));
            Some(reader as Arc<dyn Bell>)
        })
    }

    #[test]
    fn answers_that_are_sent_together_wake_their_reader_once() {
        let reader = Arc::<Reader>::default();
        let mut bells = Bells::default();
        for number in 0..3 {
            answer(&reader).send(Ok(number), &mut bells);
        }
        assert_eq!(reader.rung.load(Ordering::Relaxed), 0);
        drop(bells);
        assert_eq!(reader.rung.load(Ordering::Relaxed), 1);
        assert_eq!(*reader.heard.lock().unwrap(), [Ok(0), Ok(1), Ok(2)]);
    }

    #[test]
    fn an_answer_that_is_dropped_is_an_error() {
        let reader = Arc::<Reader>::default();
        drop(answer(&reader));
        assert!(reader.heard.lock().unwrap()[0].is_err());
        assert_eq!(reader.rung.load(Ordering::Relaxed), 1);
    }
}
