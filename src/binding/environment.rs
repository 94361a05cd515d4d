//! What one environment (the main thread, or a worker) has of its own.

use std::{
    collections::HashMap,
    io, mem,
    panic::{AssertUnwindSafe, catch_unwind},
    ptr,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Sender, channel},
    },
    task::Poll,
    thread,
};

use napi::{Result, check_status, sys};

use super::{
    completion::{Content, Message, Outcome, Queue},
    raw::{Call, Function},
    text::Reader,
};
use crate::{
    clock::Clock,
    driver::{
        Answer, AsyncDriver, Bell, Bells, BlockingDriver, Claim, Class, Lane, Pool, Scope, Slots, Watch, retried,
    },
    error::{Cause, Failure, StorageError, panic_text},
    key::{Key, KeyList},
    router::{Mount, Router},
};

/// Answers that are no slot. js/native.js has the same list.
pub mod code {
    pub const MISS: i32 = -1;
    pub const INVALID: i32 = -2;
    /// A JavaScript driver's mount: see the registers `MOUNT`, `OFFSET` and `NORMAL`.
    pub const SCRIPT: i32 = -3;
    /// The answer comes later, under the number in the register `REQUEST`.
    pub const PENDING: i32 = -4;
    /// A driver of another lane than memory's: call `submitSet` with the value.
    pub const NEEDS_VALUE: i32 = -5;
    /// The driver has limits: call again with the value's size.
    pub const NEEDS_SIZE: i32 = -6;
    pub const TOO_LARGE: i32 = -7;
    pub const DROPPED: i32 = -8;
    pub const MOUNTED: i32 = -9;
    pub const DONE: i32 = -10;
    /// The function returns the value itself.
    pub const FOUND: i32 = -11;
}

pub mod register {
    pub const MOUNT: usize = 0;
    pub const OFFSET: usize = 1;
    pub const NORMAL: usize = 2;
    pub const REQUEST: usize = 3;
    pub const RELEASED: usize = 4;
    /// 1 if the driver that was written to holds items that expire.
    pub const TIMED: usize = 5;
    /// The code that `get`, `has` and `set` answer with.
    pub const ANSWER: usize = 6;
    /// What answers of blocking drivers have cost since the event loop last turned; JavaScript sets it back.
    pub const SPENT: usize = 7;
    /// 1 if calls wait for `flush`.
    pub const UNSENT: usize = 8;
    pub const COUNT: usize = 9;
}

/// What answers for a mount.
#[derive(Clone)]
pub enum Target {
    Script,
    Native(Lane),
}

/// A storage's mount table, or with `verbatim` the table of one driver that is called on its own, with keys as they are.
pub struct Table {
    pub router: Router<Target>,
    pub verbatim: bool,
}

impl Table {
    /// The key that a string stands for, and its mount.
    #[inline]
    fn resolve<'a>(&self, raw: &'a [u8]) -> Option<(Key<'a>, &Mount<Target>)> {
        let key = if self.verbatim { Key::verbatim(raw) } else { Key::parse(raw).ok()? };
        let mount = self.router.route(&key)?;
        Some((key, mount))
    }
}

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
    last_request: i32,
    /// By request: where the answer is awaited.
    pub questions: HashMap<i32, Sender<Vec<bool>>>,
    /// By the request that started it. Dropped, a watcher ends soon.
    pub watches: HashMap<i32, Arc<WatchSlot>>,
    /// Those with calls that go out at the end of this turn.
    unsent: Vec<Arc<dyn AsyncDriver>>,
}

/// Empty until the watcher has started.
type WatchSlot = Mutex<Option<Watch>>;

pub struct Environment {
    pub tables: Slab<Table>,
    pub drivers: Slab<Lane>,
    pub context: Context,
    reader: Reader,
    functions: Vec<*mut Function>,
}

impl Context {
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

impl Environment {
    pub fn new(env: sys::napi_env) -> Self {
        Self {
            tables: Slab::default(),
            drivers: Slab::default(),
            context: Context {
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
            },
            reader: Reader::default(),
            functions: Vec::new(),
        }
    }

    /// Makes the buffer of the registers, which lives as long as the environment.
    pub fn share_registers(environment: *mut Self, env: sys::napi_env) -> Result<sys::napi_value> {
        let (mut data, mut buffer, mut reference) = (ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
        // SAFETY: `env` is valid in this call and all results have room. The reference keeps the buffer, whose memory
        // does not move, until the environment ends.
        check_status!(unsafe {
            sys::napi_create_arraybuffer(env, register::COUNT * size_of::<i32>(), &raw mut data, &raw mut buffer)
        })?;
        // SAFETY: as above.
        check_status!(unsafe { sys::napi_create_reference(env, buffer, 1, &raw mut reference) })?;
        // SAFETY: the caller made `environment` and is the only one to know it.
        unsafe { (*environment).context.registers = data.cast() };
        Ok(buffer)
    }

    pub fn keep(&mut self, function: *mut Function) {
        self.functions.push(function);
    }

    /// Runs `act` with the string's WTF-8; `code::INVALID` if it is none.
    pub fn with_text(&mut self, call: &Call, index: usize, act: impl FnOnce(&mut Self, &[u8]) -> i32) -> i32 {
        let mut reader = mem::take(&mut self.reader);
        let code = match reader.read(call.env, call.arguments[index]) {
            Some(text) => act(self, text),
            None => code::INVALID,
        };
        reader.shrink();
        self.reader = reader;
        code
    }

    /// Finds the mount of the key in argument 1 in the table of argument 0. For a native driver, `act` gets the key
    /// relative to the mount, and the whole key.
    #[inline]
    pub fn route(&mut self, call: &Call, act: impl FnOnce(&mut Context, &Lane, &[u8], &[u8]) -> i32) -> i32 {
        let Self { tables, reader, context, .. } = self;
        let Some(table) = tables.get(call.handle(0)) else {
            return code::INVALID;
        };
        let routed = reader.read(call.env, call.arguments[1]).and_then(|raw| table.resolve(raw));
        let Some((key, mount)) = routed else {
            reader.shrink();
            return code::INVALID;
        };
        context.set_register(register::MOUNT, mount.id.cast_signed());
        let code = match &mount.target {
            Target::Native(lane) => {
                let key = key.as_bytes();
                let code = act(context, lane, &key[mount.prefix.as_bytes().len()..], key);
                context.report_released();
                code
            }
            Target::Script => {
                context.set_register(register::OFFSET, i32::try_from(mount.units).unwrap_or(i32::MAX));
                context.set_register(register::NORMAL, i32::from(key.is_borrowed()));
                code::SCRIPT
            }
        };
        reader.shrink();
        code
    }

    /// Finds the mounts of all keys of argument 1, which are joined by line feeds, and whose number is argument 2. Calls `act`
    /// if each is valid and belongs to a native driver.
    pub fn route_batch<T>(&mut self, call: &Call, act: impl FnOnce(&mut Context, &[Routed]) -> Option<T>) -> Option<T> {
        let Self { tables, reader, context, .. } = self;
        let table = tables.get(call.handle(0))?;
        let route = |raw| {
            let (key, mount) = table.resolve(raw)?;
            let Target::Native(lane) = &mount.target else { return None };
            Some(Routed { key, start: mount.prefix.as_bytes().len(), lane })
        };
        let keys = reader.read(call.env, call.arguments[1])?.split(|&byte| byte == b'\n');
        let routed = keys.map(route).collect::<Option<Vec<_>>>().filter(|routed| routed.len() == call.handle(2));
        let answer = routed.and_then(|routed| act(context, &routed));
        context.report_released();
        reader.shrink();
        answer
    }
}

impl Drop for Environment {
    fn drop(&mut self) {
        self.context.queue.close();
        for function in self.functions.drain(..) {
            // SAFETY: `install` made it with `Box::into_raw` and gave it to nobody else; no function is called any more.
            drop(unsafe { Box::from_raw(function) });
        }
    }
}

/// A key of a batch, and what answers for it.
pub struct Routed<'a> {
    key: Key<'a>,
    /// Where in the key its part relative to the mount begins.
    start: usize,
    pub lane: &'a Lane,
}

impl Routed<'_> {
    pub fn relative(&self) -> &[u8] {
        &self.full()[self.start..]
    }

    pub fn full(&self) -> &[u8] {
        self.key.as_bytes()
    }

    /// What stands before the relative part: empty, or with a colon at its end.
    pub fn mount(&self) -> &[u8] {
        &self.full()[..self.start]
    }

    /// The key was normal as it came.
    pub fn is_normal(&self) -> bool {
        self.key.is_borrowed()
    }
}

/// Where a call's result goes.
#[derive(Clone)]
struct Report {
    queue: Arc<Queue>,
    request: i32,
    driver: &'static str,
    operation: &'static str,
    key: Option<String>,
}

impl Report {
    fn send(self, result: std::result::Result<Outcome, Cause>) {
        let queue = Arc::clone(&self.queue);
        queue.push(self.message(result));
    }

    fn message(self, result: std::result::Result<Outcome, Cause>) -> Message {
        let Self { request, driver, operation, key, .. } = self;
        let outcome = result.map_err(|cause| StorageError { driver, operation, key, cause });
        Message { request, content: Content::Completion(outcome) }
    }
}

/// Runs on a thread of its own what waits for other threads, and calls in the pool must not wait for.
fn run_apart(report: Report, job: impl FnOnce(Report) + Send + 'static) {
    let refused = report.clone();
    if let Err(error) = thread::Builder::new().name("rustorage-call".into()).spawn(move || job(report)) {
        refused.send(Err(error.into()));
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

/// Values under integers; an integer is used again after its value was removed.
pub struct Slab<T>(Vec<Option<T>>);

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Slab<T> {
    pub fn insert(&mut self, value: T) -> usize {
        if let Some(index) = self.0.iter().position(Option::is_none) {
            self.0[index] = Some(value);
            return index;
        }
        self.0.push(Some(value));
        self.0.len() - 1
    }

    pub fn get(&self, index: usize) -> Option<&T> {
        self.0.get(index)?.as_ref()
    }

    pub fn get_mut(&mut self, index: usize) -> Option<&mut T> {
        self.0.get_mut(index)?.as_mut()
    }

    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter().flatten()
    }

    pub fn remove(&mut self, index: usize) -> Option<T> {
        self.0.get_mut(index)?.take()
    }
}
