//! What calls work with: where their answers go, and what may be answered at once.

use std::{
    collections::HashMap,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    ptr,
    sync::{
        Arc,
        mpsc::{Sender, channel},
    },
    task::Poll,
};

use napi::{Result, check_status, sys};

use super::{
    codes::{code, register},
    completion::{Content, Message, Outcome, Queue},
    watching::WatchSlot,
};
use crate::{
    clock::Clock,
    driver::{Answer, AsyncDriver, Bell, Bells, BlockingDriver, Claim, Class, Pool, Scope, Slots, retried},
    error::{Cause, StorageError, panic_text},
    key::KeyList,
};

/// What a turn of the event loop may spend on answers that need no waiting, and what those of blocking drivers cost, in tenths of a
/// microsecond; js/native.js has the same. The answer that reaches it is heard at the end of the turn, so that a loop of calls that are all
/// answered at once lets other things happen; the rest goes to the pool.
const ALLOWANCE: i32 = 4096;
pub const COST_OF_HAS: i32 = 8;
pub const COST_OF_GET: i32 = 64;
/// So many folders in a key cost as much as a has.
const FOLDERS_OF_A_HAS: usize = 4;

/// What the calls of an environment work with beside its tables.
pub struct Context {
    env: sys::napi_env,
    pub slots: Slots,
    pub clock: Clock,
    registers: *mut i32,
    queue: Arc<Queue>,
    in_flight: usize,
    pub last_request: i32,
    /// By request: where the answer is awaited.
    pub questions: HashMap<i32, Sender<Vec<bool>>>,
    /// By the request that started it. Dropped, a watcher ends soon.
    pub watches: HashMap<i32, Arc<WatchSlot>>,
    /// Those with calls that go out at the end of this turn.
    unsent: Vec<Arc<dyn AsyncDriver>>,
}

impl Context {
    pub fn new(env: sys::napi_env) -> Self {
        Self {
            env,
            slots: Slots::default(),
            clock: Clock::default(),
            registers: ptr::null_mut(),
            queue: Arc::default(),
            in_flight: 0,
            last_request: 0,
            questions: HashMap::new(),
            watches: HashMap::new(),
            unsent: Vec::new(),
        }
    }

    /// Makes the buffer of the registers, which lives as long as the environment.
    pub fn share_registers(&mut self) -> Result<sys::napi_value> {
        let (mut data, mut buffer, mut reference) = (ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
        // SAFETY: the environment loads the module in this call and all results have room. The reference keeps the buffer, whose
        // memory does not move, until the environment ends.
        check_status!(unsafe {
            sys::napi_create_arraybuffer(self.env, register::COUNT * size_of::<i32>(), &raw mut data, &raw mut buffer)
        })?;
        // SAFETY: as above.
        check_status!(unsafe { sys::napi_create_reference(self.env, buffer, 1, &raw mut reference) })?;
        self.registers = data.cast();
        Ok(buffer)
    }

    pub fn queue(&self) -> Arc<Queue> {
        Arc::clone(&self.queue)
    }

    #[inline]
    pub fn set_register(&mut self, register: usize, number: i32) {
        debug_assert!(register < register::COUNT);
        // SAFETY: `share_registers` made room for COUNT integers, and JavaScript does not run meanwhile.
        unsafe { self.registers.add(register).write(number) };
    }

    #[inline]
    pub fn report_released(&mut self) {
        let released = self.slots.released();
        self.set_register(register::RELEASED, i32::try_from(released).unwrap_or(i32::MAX));
    }

    #[inline]
    pub fn scope(&mut self) -> Scope<'_> {
        Scope { slots: &mut self.slots, clock: &self.clock }
    }

    /// What `act` answers without waiting, if no earlier call writes to the key's places, and the event loop is not held up.
    pub fn read_now<T>(
        &mut self,
        driver: &dyn BlockingDriver,
        key: &[u8],
        cost: i32,
        act: impl FnOnce() -> Poll<T>,
    ) -> Poll<T> {
        // The way to a deep item is long, and a miss looks into each folder.
        let folders = key.iter().filter(|byte| matches!(byte, b':' | b'/' | b'\\')).count();
        let more = i32::try_from(folders / FOLDERS_OF_A_HAS).unwrap_or(i32::MAX).saturating_mul(COST_OF_HAS);
        let cost = cost.saturating_add(more);
        self.answer_now(cost, || if Pool::get().is_free(|| driver.places(key)) { act() } else { Poll::Pending })
    }

    /// An answer that is there without waiting, unless the event loop would be held up.
    pub fn answer_now<T>(&mut self, cost: i32, act: impl FnOnce() -> Poll<T>) -> Poll<T> {
        let answer = if self.spent() < ALLOWANCE { act() } else { Poll::Pending };
        if answer.is_ready() {
            self.spend(cost);
        }
        answer
    }

    fn spend(&mut self, cost: i32) {
        self.set_register(register::SPENT, self.spent().saturating_add(cost));
    }

    fn spent(&self) -> i32 {
        // SAFETY: as in `set_register`.
        unsafe { self.registers.add(register::SPENT).read() }
    }

    /// Gives `work` to the pool.
    pub fn submit(
        &mut self,
        driver: &Arc<dyn BlockingDriver>,
        submitted: Submitted,
        mut work: impl FnMut(&dyn BlockingDriver, &[u8]) -> std::result::Result<Outcome, Cause> + Send + 'static,
    ) -> i32 {
        let Submitted { operation, relative, full, claim, class } = submitted;
        let key = Some(full);
        let report = Report { queue: self.queue(), request: self.begin(), driver: driver.name(), operation, key };
        let driver = Arc::clone(driver);
        let call = move || {
            let result = catch_unwind(AssertUnwindSafe(|| work(&*driver, &relative)));
            result.unwrap_or_else(|panic| Err(Cause::Panic(panic_text(&*panic))))
        };
        Pool::get().run(claim, class, retried(call, |result| report.send(result)));
        code::PENDING
    }

    /// Begins a call that a server answers, unless its key is refused or too many wait.
    pub fn ask<T: 'static>(
        &mut self,
        driver: &Arc<dyn AsyncDriver>,
        asked: Remote<impl FnOnce(T) -> Outcome + Send + 'static>,
        begin: impl FnOnce(&dyn AsyncDriver, Answer<T>),
    ) -> i32 {
        let Remote { operation, checked, full, outcome } = asked;
        let (answer, code) = self.answer(driver, operation, full, outcome);
        match checked.and_then(|()| driver.admit()) {
            Ok(()) => {
                begin(&**driver, answer);
                self.send_later(driver);
            }
            Err(cause) => answer.send(Err(cause), &mut Bells::default()),
        }
        code
    }

    /// Where the answer of a new call goes, and what the call returns meanwhile.
    pub fn answer<T>(
        &mut self,
        driver: &Arc<dyn AsyncDriver>,
        operation: &'static str,
        full: &[u8],
        outcome: impl FnOnce(T) -> Outcome + Send + 'static,
    ) -> (Answer<T>, i32) {
        let key = (!full.is_empty()).then(|| String::from_utf8_lossy(full).into_owned());
        let report = Report { queue: self.queue(), request: self.begin(), driver: driver.name(), operation, key };
        let answer = Answer::new(move |result: std::result::Result<T, Cause>| {
            let queue = Arc::clone(&report.queue);
            queue.add(report.message(result.map(outcome)));
            Some(queue as Arc<dyn Bell>)
        });
        (answer, code::PENDING)
    }

    /// What the driver was given goes out at the end of this turn of the event loop.
    pub fn send_later(&mut self, driver: &Arc<dyn AsyncDriver>) {
        if !self.unsent.last().is_some_and(|last| Arc::ptr_eq(last, driver)) {
            self.unsent.push(Arc::clone(driver));
            self.set_register(register::UNSENT, 1);
        }
    }

    /// Sends what this turn of the event loop has begun.
    pub fn flush(&mut self) {
        for driver in self.unsent.drain(..) {
            driver.flush();
        }
        self.set_register(register::UNSENT, 0);
    }

    /// How the call that is submitted next asks JavaScript.
    pub fn asker(&self) -> impl FnMut(Vec<String>) -> io::Result<Vec<bool>> + Send + use<> {
        let (queue, request) = (self.queue(), self.next_request());
        move |texts| {
            let mut list = KeyList::default();
            for text in &texts {
                list.push(b"", text.as_bytes());
            }
            let (sender, answers) = channel();
            queue.push(Message { request, content: Content::Question(list, sender) });
            // The sender is dropped without an answer when JavaScript gives up, or ends.
            let answers = answers.recv().ok().filter(|answers: &Vec<bool>| answers.len() == texts.len());
            answers.ok_or_else(|| io::Error::other("no answer"))
        }
    }

    fn next_request(&self) -> i32 {
        self.last_request.wrapping_add(1) & i32::MAX
    }

    /// The number of a new call in flight.
    pub fn begin(&mut self) -> i32 {
        let request = self.next_request();
        self.last_request = request;
        self.set_register(register::REQUEST, request);
        if self.in_flight == 0 {
            self.queue.hold(self.env, true);
        }
        self.in_flight += 1;
        request
    }

    /// So many calls were answered.
    pub fn finished(&mut self, count: usize) {
        self.in_flight -= count;
        if self.in_flight == 0 && count > 0 {
            self.queue.hold(self.env, false);
        }
    }
}

/// A call on its way to the pool.
pub struct Submitted {
    pub operation: &'static str,
    pub relative: Arc<[u8]>,
    /// The key with the mount point, as errors name it.
    pub full: String,
    pub claim: Claim,
    pub class: Class,
}

/// A call on its way to a server.
pub struct Remote<'a, O> {
    pub operation: &'static str,
    /// What the driver says about the key.
    pub checked: std::result::Result<(), Cause>,
    /// The key with the mount point, as errors name it; empty where there is none.
    pub full: &'a [u8],
    /// What becomes of the answer.
    pub outcome: O,
}

/// Where a call's result goes.
#[derive(Clone)]
pub struct Report {
    pub queue: Arc<Queue>,
    pub request: i32,
    pub driver: &'static str,
    pub operation: &'static str,
    pub key: Option<String>,
}

impl Report {
    pub fn send(self, result: std::result::Result<Outcome, Cause>) {
        let queue = Arc::clone(&self.queue);
        queue.push(self.message(result));
    }

    fn message(self, result: std::result::Result<Outcome, Cause>) -> Message {
        let Self { request, driver, operation, key, .. } = self;
        let outcome = result.map_err(|cause| StorageError { driver, operation, key, cause });
        Message { request, content: Content::Completion(outcome) }
    }
}
