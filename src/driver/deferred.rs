//! Calls that would hold up others if they went on: they end, and are made again when they can.

use std::{
    fmt, io,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{Class, Job, Pool, schedule::Again};
use crate::error::Cause;

/// How long a call is made again and again. Nothing that processes take from each other is held for longer than a write
/// takes, unless the process was stopped.
const PATIENCE: Duration = Duration::from_secs(5);
const FIRST_PAUSE: Duration = Duration::from_millis(1);
/// Thousands of calls may wait, and each looks whether it still has to.
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// Why a call of a blocking driver ended early; it is made again from its beginning. It stands inside the call's `io::Error`.
#[derive(Clone)]
pub enum Deferred {
    /// It turned out to take long.
    TakesLong,
    /// Another process has taken what it needs; whether that is free again.
    Taken(Arc<dyn Fn() -> bool + Send + Sync>),
}

impl Deferred {
    /// An error unless this thread may move so many bytes.
    pub fn unless_allowed(bytes: u64) -> io::Result<()> {
        if Pool::allows(Class::of(bytes)) { Ok(()) } else { Err(Self::TakesLong.into()) }
    }

    fn of(cause: &Cause) -> Option<&Self> {
        match cause {
            Cause::Io(error) | Cause::Base(error) | Cause::File { source: error, .. } => Self::inside(error),
            _ => None,
        }
    }

    fn inside(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }
}

impl fmt::Debug for Deferred {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str(match self {
            Self::TakesLong => "TakesLong",
            Self::Taken(_) => "Taken",
        })
    }
}

/// What the caller hears whose call was never made again, or for too long.
impl fmt::Display for Deferred {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::TakesLong => write!(formatter, "it takes long"),
            Self::Taken(_) => {
                write!(formatter, "another process has kept it locked for {} seconds", PATIENCE.as_secs())
            }
        }
    }
}

impl std::error::Error for Deferred {}

impl From<Deferred> for io::Error {
    fn from(deferred: Deferred) -> Self {
        Self::new(io::ErrorKind::TimedOut, deferred)
    }
}

/// A job that is done when it has run.
pub fn once(act: impl FnOnce() + Send + 'static) -> Job {
    let mut act = Some(act);
    Box::new(move || {
        if let Some(act) = act.take() {
            act();
        }
        None
    })
}

/// A job that makes the call, again if it was deferred, and hands over what it came to.
pub fn retried<T: 'static, E: AsRef<Cause> + 'static>(
    mut call: impl FnMut() -> Result<T, E> + Send + 'static,
    done: impl FnOnce(Result<T, E>) + Send + 'static,
) -> Job {
    let (mut retry, mut done) = (Retry::default(), Some(done));
    Box::new(move || {
        if let Some(again) = retry.hold() {
            return Some(again);
        }
        let result = call();
        let again = result.as_ref().err().and_then(|error| retry.after(error.as_ref()));
        if again.is_none()
            && let Some(done) = done.take()
        {
            done(result);
        }
        again
    })
}

/// Of one call: when it is made again.
#[derive(Default)]
struct Retry {
    first: Option<Instant>,
    pause: Duration,
    is_free: Option<Arc<dyn Fn() -> bool + Send + Sync>>,
}

impl Retry {
    /// Something if it is too early to make the call.
    fn hold(&mut self) -> Option<Again> {
        let is_free = self.is_free.as_ref()?;
        if self.is_over() || is_free() {
            self.is_free = None;
            return None;
        }
        Some(self.later())
    }

    /// Something if the call that ended so is to be made again.
    fn after(&mut self, cause: &Cause) -> Option<Again> {
        match Deferred::of(cause)? {
            Deferred::TakesLong => Some(Again::TakesLong),
            Deferred::Taken(is_free) => {
                self.first.get_or_insert_with(Instant::now);
                self.is_free = Some(Arc::clone(is_free));
                (!self.is_over()).then(|| self.later())
            }
        }
    }

    fn is_over(&self) -> bool {
        self.first.is_some_and(|first| first.elapsed() >= PATIENCE)
    }

    fn later(&mut self) -> Again {
        self.pause = (2 * self.pause).clamp(FIRST_PAUSE, LONGEST_PAUSE);
        Again::At(Instant::now() + self.pause)
    }
}

/// Makes a call again and again, as the pool does it.
#[cfg(test)]
pub fn patiently<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if Deferred::inside(&error).is_some() => {}
            result => return result,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn what_another_process_has_taken_is_waited_for_and_not_for_ever() {
        let taken = |is_free: fn() -> bool| {
            move || Err::<(), _>(Cause::from(io::Error::from(Deferred::Taken(Arc::new(is_free)))))
        };
        let (sender, receiver) = mpsc::channel();
        let mut calls = 0;
        let call = move || {
            calls += 1;
            if calls < 4 { taken(|| true)() } else { Ok(()) }
        };
        let done = sender.clone();
        let run = |job| Pool::get().run(super::super::Claim::Nothing, Class::Short, job);
        run(retried(call, move |result| done.send(result.is_ok()).unwrap()));
        assert!(receiver.recv().unwrap());
        let started = Instant::now();
        run(retried(taken(|| false), move |result| {
            let error = result.unwrap_err().to_string();
            sender.send(error.contains("ETIMEDOUT") && error.contains("5 seconds")).unwrap();
        }));
        assert!(receiver.recv().unwrap() && started.elapsed() >= PATIENCE);
    }
}
