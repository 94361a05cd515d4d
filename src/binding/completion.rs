//! The way back from other threads: one queue an environment, one wake-up for all that has come in.

use std::{
    collections::VecDeque,
    ffi::c_void,
    panic::{AssertUnwindSafe, catch_unwind},
    ptr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard,
        atomic::{AtomicBool, Ordering},
        mpsc::Sender,
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use napi::{Result, check_status, sys};

use super::{environment::Environment, value};
use crate::{
    driver::{Bell, Change, Fields, Meta, Response},
    error::StorageError,
    key::KeyList,
};

/// A wake-up ends after so many messages, or so long, to let the event loop breathe.
const BATCH: usize = 1000;
const BATCH_TIME: Duration = Duration::from_millis(1);

pub enum Outcome {
    Nothing,
    Boolean(bool),
    Text(Option<Bytes>),
    Bytes(Option<Bytes>),
    Texts(Vec<Option<Bytes>>),
    Keys(KeyList),
    /// What is gone, and why the rest is not.
    Cleared(KeyList, Option<StorageError>),
    Meta(Option<Meta>),
    Fields(Fields),
    Response(Response),
}

/// What JavaScript hears, under the number of a request.
pub struct Message {
    pub request: i32,
    pub content: Content,
}

pub enum Content {
    /// The request is over.
    Completion(std::result::Result<Outcome, StorageError>),
    /// The call goes on when `answer` was called, which sends here.
    Question(KeyList, Sender<Vec<bool>>),
    /// What a watcher saw: an item of this key.
    Change(Change, Box<[u8]>),
    /// Why a watcher hears of nothing for now.
    Warning(StorageError),
}

/// What a message is to JavaScript; js/native.js has the same list.
mod kind {
    pub const FAILED: i32 = 0;
    pub const WORKED: i32 = 1;
    pub const ASKED: i32 = 2;
    pub const UPDATED: i32 = 3;
    pub const REMOVED: i32 = 4;
    pub const WARNED: i32 = 5;
}

/// Shared with the threads that do the work; they never see the environment itself.
#[derive(Default)]
pub struct Queue {
    /// None once the environment is gone: what comes then is dropped. It has a lock of its own, as who was woken takes the messages
    /// at once, and would wait for the thread that is still waking.
    waker: RwLock<Option<Waker>>,
    messages: Mutex<VecDeque<Message>>,
    awake: AtomicBool,
}

#[derive(Clone, Copy)]
struct Waker(sys::napi_threadsafe_function);

// SAFETY: a thread-safe function may be called from every thread; `Queue` takes it away under its lock before it ends.
unsafe impl Send for Waker {}
// SAFETY: as above.
unsafe impl Sync for Waker {}

impl Queue {
    pub fn push(&self, message: Message) {
        self.add(message);
        self.ring();
    }

    /// As `push`, for a message that [`Bell::ring`] follows.
    pub fn add(&self, message: Message) {
        let waker = self.waker();
        if waker.is_some() {
            self.messages().push_back(message);
        }
    }

    /// Nothing is delivered from here on.
    pub fn close(&self) {
        let mut waker = self.waker.write().unwrap_or_else(PoisonError::into_inner);
        *waker = None;
        self.messages().clear();
    }

    /// Keeps the process alive, or lets it end.
    pub fn hold(&self, env: sys::napi_env, alive: bool) {
        if let Some(Waker(function)) = *self.waker() {
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

    /// Delivers messages to `complete`, a JavaScript function.
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
        *self.waker.write().unwrap_or_else(PoisonError::into_inner) = Some(Waker(function));
        Ok(())
    }

    fn take(&self) -> Vec<Message> {
        // Before the messages are taken: what comes after them wakes anew.
        self.awake.store(false, Ordering::SeqCst);
        let mut messages = self.messages();
        let count = messages.len().min(BATCH);
        messages.drain(..count).collect()
    }

    /// What did not fit into this wake-up comes first in the next.
    fn give_back(&self, rest: impl DoubleEndedIterator<Item = Message>) {
        let mut messages = self.messages();
        for message in rest.rev() {
            messages.push_front(message);
        }
        let more = !messages.is_empty();
        drop(messages);
        if more {
            self.ring();
        }
    }

    fn waker(&self) -> RwLockReadGuard<'_, Option<Waker>> {
        self.waker.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn messages(&self) -> MutexGuard<'_, VecDeque<Message>> {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Bell for Queue {
    fn ring(&self) {
        if let Some(Waker(function)) = *self.waker()
            && !self.awake.swap(true, Ordering::SeqCst)
        {
            // SAFETY: the function exists while the lock on `waker` is held and it is set.
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
    let undefined = value::undefined(env);
    let mut finished = 0;
    while started.elapsed() < BATCH_TIME
        && let Some(Message { request, content }) = batch.next()
    {
        finished += usize::from(matches!(content, Content::Completion(_)));
        let (kind, value) = match content {
            Content::Completion(Ok(outcome)) => (kind::WORKED, outcome.into_js(env)),
            Content::Completion(Err(error)) => (kind::FAILED, value::error(env, &error)),
            Content::Question(texts, answer) => {
                // SAFETY: as above; the reference ends with this statement.
                unsafe { (*environment).context.questions.insert(request, answer) };
                (kind::ASKED, value::keys(env, &texts))
            }
            Content::Change(Change::Update, key) => (kind::UPDATED, value::key(env, &key)),
            Content::Change(Change::Remove, key) => (kind::REMOVED, value::key(env, &key)),
            Content::Warning(error) => (kind::WARNED, value::error(env, &error)),
        };
        // An argument has to be there.
        let value = if value.is_null() { undefined } else { value };
        arguments.extend([value::integer(env, request), value::integer(env, kind), value]);
    }
    queue.give_back(batch);
    // SAFETY: as above; the reference ends with this statement.
    unsafe { (*environment).context.finished(finished) };
    // SAFETY: handles are valid in this callback. JavaScript catches what its own promises' code throws.
    // An array would be filled element by element, each by a call into Node.
    unsafe {
        sys::napi_call_function(env, undefined, complete, arguments.len(), arguments.as_ptr(), ptr::null_mut());
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
            Self::Keys(keys) => value::keys(env, &keys),
            Self::Cleared(gone, failure) => {
                let failure = failure.map(|failure| value::error(env, &failure));
                value::array(env, std::iter::once(value::keys(env, &gone)).chain(failure))
            }
            Self::Fields(fields) => value::fields(env, &fields),
            Self::Response(response) => value::response(env, response),
            Self::Meta(Some(meta)) => value::meta(env, &meta),
        }
    }
}
