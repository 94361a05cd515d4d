//! The way back from other threads: one queue an environment, one wake-up for all that has come in.

use std::{
    collections::VecDeque,
    ffi::c_void,
    panic::{AssertUnwindSafe, catch_unwind},
    ptr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use bytes::Bytes;
use napi::{Result, check_status, sys};

use super::{
    environment::Environment,
    value::{self, KeyList},
};
use crate::{driver::Meta, error::StorageError};

/// A wake-up ends after so many completions, or so long, to let the event loop breathe.
const BATCH: usize = 1000;
const BATCH_TIME: Duration = Duration::from_millis(1);

pub enum Outcome {
    Nothing,
    Boolean(bool),
    Text(Option<Bytes>),
    Bytes(Option<Bytes>),
    Texts(Vec<Option<Bytes>>),
    Keys(KeyList),
    Meta(Option<Meta>),
}

pub struct Completion {
    pub request: i32,
    pub outcome: std::result::Result<Outcome, StorageError>,
}

/// Shared with the threads that do the work; they never see the environment itself.
#[derive(Default)]
pub struct Queue(Mutex<State>);

#[derive(Default)]
struct State {
    done: VecDeque<Completion>,
    /// None once the environment is gone: what completes then is dropped.
    waker: Option<Waker>,
    awake: bool,
}

#[derive(Clone, Copy)]
struct Waker(sys::napi_threadsafe_function);

// SAFETY: a thread-safe function may be called from every thread; `Queue` takes it away under its lock before it ends.
unsafe impl Send for Waker {}

impl Queue {
    pub fn push(&self, completion: Completion) {
        let mut state = self.lock();
        if state.waker.is_some() {
            state.done.push_back(completion);
            state.wake();
        }
    }

    /// Nothing is delivered from here on.
    pub fn close(&self) {
        let mut state = self.lock();
        state.waker = None;
        state.done.clear();
    }

    /// Keeps the process alive, or lets it end.
    pub fn hold(&self, env: sys::napi_env, alive: bool) {
        if let Some(Waker(function)) = self.lock().waker {
            // SAFETY: called on the environment's own thread, while the function exists.
            unsafe {
                if alive {
                    sys::napi_ref_threadsafe_function(env, function);
                } else {
                    sys::napi_unref_threadsafe_function(env, function);
                }
            }
        }
    }

    /// Delivers completions to `complete`, a JavaScript function.
    pub fn connect(&self, env: sys::napi_env, complete: sys::napi_value, environment: *mut Environment) -> Result<()> {
        let name = value::text(env, b"rustorage");
        let mut function = ptr::null_mut();
        // SAFETY: handles are valid in this call; `environment` outlives the function, whose callback sees a null `env`
        // once the environment is going away.
        check_status!(unsafe {
            sys::napi_create_threadsafe_function(
                env,
                complete,
                ptr::null_mut(),
                name,
                0,
                1,
                ptr::null_mut(),
                None,
                environment.cast(),
                Some(deliver),
                &raw mut function,
            )
        })?;
        // SAFETY: just made, on this thread. Without calls in flight it must not keep the process alive.
        check_status!(unsafe { sys::napi_unref_threadsafe_function(env, function) })?;
        self.lock().waker = Some(Waker(function));
        Ok(())
    }

    fn take(&self) -> Vec<Completion> {
        let mut state = self.lock();
        let count = state.done.len().min(BATCH);
        state.awake = false;
        state.done.drain(..count).collect()
    }

    /// What did not fit into this wake-up comes first in the next.
    fn give_back(&self, rest: impl DoubleEndedIterator<Item = Completion>) {
        let mut state = self.lock();
        for completion in rest.rev() {
            state.done.push_front(completion);
        }
        if !state.done.is_empty() {
            state.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn wake(&mut self) {
        if let Some(Waker(function)) = self.waker
            && !self.awake
        {
            self.awake = true;
            // SAFETY: the function exists while the lock on this state is held and `waker` is set.
            unsafe {
                sys::napi_call_threadsafe_function(
                    function,
                    ptr::null_mut(),
                    sys::ThreadsafeFunctionCallMode::nonblocking,
                );
            }
        }
    }
}

unsafe extern "C" fn deliver(env: sys::napi_env, complete: sys::napi_value, environment: *mut c_void, _: *mut c_void) {
    if env.is_null() {
        return;
    }
    // A panic must not cross into C.
    let _ = catch_unwind(AssertUnwindSafe(|| deliver_batch(env, complete, environment.cast())));
}

fn deliver_batch(env: sys::napi_env, complete: sys::napi_value, environment: *mut Environment) {
    // SAFETY: `env` is alive, so its environment is; this reference ends before JavaScript runs.
    let queue: Arc<Queue> = unsafe { (*environment).context.queue() };
    let started = Instant::now();
    let mut batch = queue.take().into_iter();
    let mut arguments = Vec::with_capacity(batch.len() * 3);
    let mut delivered = 0;
    while started.elapsed() < BATCH_TIME
        && let Some(Completion { request, outcome }) = batch.next()
    {
        delivered += 1;
        let (worked, value) = match outcome {
            Ok(outcome) => (true, outcome.into_js(env)),
            Err(error) => (false, value::error(env, &error)),
        };
        arguments.extend([value::integer(env, request), value::boolean(env, worked), value]);
    }
    queue.give_back(batch);
    // SAFETY: as above; the reference ends with this statement.
    unsafe { (*environment).context.finished(delivered) };
    let results = value::array(env, arguments);
    // SAFETY: handles are valid in this callback. JavaScript catches what its own promises' code throws.
    unsafe {
        let mut receiver = ptr::null_mut();
        sys::napi_get_undefined(env, &raw mut receiver);
        sys::napi_call_function(env, receiver, complete, 1, &raw const results, ptr::null_mut());
    }
}

impl Outcome {
    pub fn into_js(self, env: sys::napi_env) -> sys::napi_value {
        match self {
            Self::Nothing => ptr::null_mut(),
            Self::Boolean(answer) => value::boolean(env, answer),
            Self::Text(None) | Self::Bytes(None) | Self::Meta(None) => value::null(env),
            Self::Text(Some(bytes)) => value::text(env, &bytes),
            Self::Bytes(Some(bytes)) => value::buffer(env, &bytes),
            Self::Texts(texts) => {
                let text = |text: Option<Bytes>| text.map_or_else(|| value::null(env), |text| value::text(env, &text));
                value::array(env, texts.into_iter().map(text))
            }
            Self::Keys(keys) => keys.to_js(env),
            Self::Meta(Some(meta)) => value::meta(env, &meta),
        }
    }
}
