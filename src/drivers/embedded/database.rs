//! One open file for the whole process: who uses it, in which order its calls take effect, and which of them share a commit.
//!
//! Calls that write wait in a queue. A job of the pool takes all that wait, does them in one transaction, and answers when it is
//! committed; what comes meanwhile makes up the next one. Reads look at the file where they are made, on a snapshot, unless an
//! earlier write to their key has not ended: then they wait in the queue as well.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use super::{
    call::{Call, Look, Touches, Work, hash},
    store::{Edit, Store, View},
};
use crate::{
    clock::wall,
    driver::{Answer, Bells, Claim, Class, Pool, once},
    error::{Cause, Failure, panic_text},
};

/// A transaction takes no more calls when it has so many, or writes so many bytes.
const MOST_CALLS: usize = 10_000;
const MOST_BYTES: usize = 64 << 20;

/// So many items a transaction removes that have expired, and so long others have the file between two of these.
const SWEPT_AT_ONCE: usize = 10_000;
const PAUSE: Duration = Duration::from_millis(10);
/// From one sweep to the next, while there is little to sweep.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);
/// After a sweep that failed, or found nothing that expires: another process may have written it since, and have ended.
const IDLE_WAIT: u64 = 60_000;
/// No timer lasts longer, as the clock may be set.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

type Read = Box<dyn FnOnce(&dyn View, &mut Bells) + Send>;
type Listing<S> = Box<dyn FnOnce(Result<<S as Store>::Reader, Cause>) + Send>;

/// The databases of one kind that the process has, by their paths without links and their parts.
pub struct Registry<S: Store>(Mutex<BTreeMap<Name, Weak<Database<S>>>>);

type Name = (PathBuf, String);

impl<S: Store> Registry<S> {
    pub const fn new() -> Self {
        Self(Mutex::new(BTreeMap::new()))
    }

    pub fn find(&self, path: &Path, part: &str) -> Arc<Database<S>> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, database| database.strong_count() > 0);
        let name = (path.to_path_buf(), part.to_owned());
        if let Some(database) = known.get(&name).and_then(Weak::upgrade) {
            return database;
        }
        let database = Arc::new(Database {
            path: path.to_path_buf(),
            store: RwLock::new(None),
            unfinished: AtomicUsize::new(0),
            commits: AtomicU64::new(0),
            next_sweep: AtomicU64::new(u64::MAX),
            sweep_plans: Mutex::new(0),
            state: Mutex::new(State::default()),
        });
        known.insert(name, Arc::downgrade(&database));
        database
    }
}

pub struct Database<S: Store> {
    path: PathBuf,
    /// None until the first call, and when nobody uses it any more.
    store: RwLock<Option<Arc<S>>>,
    /// Calls in the queue, or in the transaction that is under way, that change something.
    unfinished: AtomicUsize,
    /// How many transactions have ended.
    commits: AtomicU64,
    /// For when the next sweep is planned.
    next_sweep: AtomicU64,
    /// Counts the plans: a timer of an earlier one does nothing.
    sweep_plans: Mutex<u64>,
    state: Mutex<State<S>>,
}

struct State<S: Store> {
    queue: VecDeque<Queued<S>>,
    /// A job of the pool works on the queue.
    running: bool,
    /// How many unfinished calls change a key, by its hash.
    keys: HashMap<u64, usize>,
    /// How many change what they find.
    everything: usize,
    /// Reads of this turn of the event loop, with what they look at.
    reads: Vec<Reads<S>>,
    users: usize,
    /// What the users have agreed on.
    settings: Option<S::Settings>,
}

impl<S: Store> Default for State<S> {
    fn default() -> Self {
        Self {
            queue: VecDeque::new(),
            running: false,
            keys: HashMap::new(),
            everything: 0,
            reads: Vec::new(),
            users: 0,
            settings: None,
        }
    }
}

enum Queued<S: Store> {
    Edit(Box<dyn Call>),
    /// Gets the items as they are after all calls before it.
    List(Listing<S>),
    /// A user leaves.
    Close(Option<Answer<()>>),
}

/// Reads that look at the same snapshot.
struct Reads<S: Store> {
    reader: S::Reader,
    /// How many transactions had ended then: after another one it is too old.
    commits: u64,
    waiting: Vec<Read>,
}

impl<S: Store> Database<S> {
    /// Somebody begins to use it; false if others use it with other settings.
    pub fn join(&self, settings: &S::Settings) -> bool {
        let mut state = self.lock();
        if state.users == 0 {
            state.settings = Some(settings.clone());
        }
        let agrees = state.settings.as_ref() == Some(settings);
        state.users += usize::from(agrees);
        agrees
    }

    /// The opposite of `join`, when the calls before it have ended. The file is closed after its last user.
    pub fn leave(self: &Arc<Self>, answer: Option<Answer<()>>) {
        self.lock().queue.push_back(Queued::Close(answer));
        self.flush();
    }

    /// Reads `key` on this thread; None where it had to wait.
    pub fn look<T>(&self, key: &[u8], read: impl FnOnce(&dyn View) -> T) -> Option<T> {
        if self.unfinished.load(Ordering::Acquire) > 0 && self.lock().is_changing([key]) {
            return None;
        }
        self.store.try_read().ok()?.as_ref()?.look(read)
    }

    /// Reads keys, now or when the calls that change them have ended; `read` gets its turn with other reads.
    pub fn read<T: Send + 'static>(
        &self,
        keys: Vec<Box<[u8]>>,
        answer: Answer<T>,
        read: impl Fn(&dyn View, &[Box<[u8]>]) -> Result<T, Cause> + Send + 'static,
    ) {
        let mut state = self.lock();
        let commits = self.commits.load(Ordering::Acquire);
        if !state.is_changing(keys.iter().map(AsRef::as_ref)) {
            let snapshot = || self.open_store()?.snapshot().ok();
            let known = state.reads.last().is_some_and(|reads| reads.commits == commits);
            if !known && let Some(reader) = snapshot() {
                state.reads.push(Reads { reader, commits, waiting: Vec::new() });
            }
            if let Some(reads) = state.reads.last_mut().filter(|reads| reads.commits == commits) {
                reads.waiting.push(Box::new(move |view, bells| answer.send(read(view, &keys), bells)));
                return;
            }
        }
        let call = Look::boxed(answer, move |view: &dyn View| read(view, &keys));
        state.queue.push_back(Queued::Edit(call));
    }

    /// Puts a call into the queue. It begins when the queue is worked on, or with `flush`.
    pub fn push(&self, call: Box<dyn Call>) {
        let mut state = self.lock();
        if state.add(call.touches()) {
            self.unfinished.fetch_add(1, Ordering::Release);
        }
        state.queue.push_back(Queued::Edit(call));
    }

    /// Lists the items as they are after all calls that were made before.
    pub fn list(self: &Arc<Self>, act: impl FnOnce(Result<S::Reader, Cause>) + Send + 'static) {
        let mut state = self.lock();
        let snapshot = if state.is_quiet() { self.open_store().and_then(|store| store.snapshot().ok()) } else { None };
        match snapshot {
            Some(snapshot) => {
                drop(state);
                on_the_pool(move || act(Ok(snapshot)));
            }
            None => state.queue.push_back(Queued::List(Box::new(act))),
        }
    }

    /// Sees to it that all calls that were made are done.
    pub fn flush(self: &Arc<Self>) {
        let mut state = self.lock();
        let reads = mem::take(&mut state.reads);
        let works = !state.running && !state.queue.is_empty();
        state.running |= works;
        drop(state);
        for Reads { reader, waiting, .. } in reads {
            on_the_pool(move || {
                let mut bells = Bells::default();
                for read in waiting {
                    read(&reader, &mut bells);
                }
            });
        }
        if works {
            let database = Arc::clone(self);
            // Not among the reads, for which it may have to wait.
            Pool::get().run(Claim::Nothing, Class::Committing, once(move || database.work()));
        }
    }

    /// An item will expire then.
    pub fn will_expire(self: &Arc<Self>, at: u64) {
        if self.next_sweep.load(Ordering::Acquire) <= at {
            return;
        }
        let mut plans = self.sweep_plans.lock().unwrap_or_else(PoisonError::into_inner);
        if self.next_sweep.fetch_min(at, Ordering::AcqRel) <= at {
            return;
        }
        *plans += 1;
        let plan = *plans;
        drop(plans);
        let wait = Duration::from_millis(at.saturating_sub(wall::now()));
        let pause = if wait.is_zero() { PAUSE } else { SWEEP_INTERVAL };
        let database = Arc::downgrade(self);
        let sweep = move || {
            // Nobody may have it any more.
            if let Some(database) = database.upgrade() {
                database.sweep(plan);
            }
        };
        Pool::get().run_at(Instant::now() + (wait + pause).min(LONGEST_WAIT), Class::Long, once(sweep));
    }

    fn sweep(self: &Arc<Self>, plan: u64) {
        {
            let plans = self.sweep_plans.lock().unwrap_or_else(PoisonError::into_inner);
            if *plans != plan {
                return;
            }
            self.next_sweep.store(u64::MAX, Ordering::Release);
        }
        if self.open_store().is_none() {
            return;
        }
        let database = Arc::clone(self);
        let answer = Answer::new(move |swept: Result<Option<u64>, Cause>| {
            let later = wall::now() + IDLE_WAIT;
            database.will_expire(swept.ok().flatten().map_or(later, |next| next.min(later)));
            None
        });
        self.push(Work::boxed(Touches::Nothing, 0, answer, |edit: &mut dyn Edit| edit.sweep(SWEPT_AT_ONCE)));
        self.flush();
    }

    /// Does what waits in the queue, until nothing does.
    fn work(self: &Arc<Self>) {
        loop {
            let mut state = self.lock();
            let (mut taken, mut bytes) = (Vec::new(), 0);
            while taken.len() < MOST_CALLS
                && bytes < MOST_BYTES
                && let Some(queued) = state.queue.pop_front()
            {
                if let Queued::Edit(call) = &queued {
                    bytes += call.size();
                }
                taken.push(queued);
            }
            if taken.is_empty() {
                state.running = false;
                return;
            }
            drop(state);
            self.run(taken);
        }
    }

    fn run(self: &Arc<Self>, taken: Vec<Queued<S>>) {
        let mut bells = Bells::default();
        let mut together: Vec<Box<dyn Call>> = Vec::new();
        for queued in taken {
            match queued {
                Queued::Edit(call) => together.push(call),
                Queued::List(act) => {
                    self.commit(mem::take(&mut together), &mut bells);
                    let snapshot = self.store().map_err(Cause::from).and_then(|store| snapshot_of(&*store));
                    on_the_pool(move || act(snapshot));
                }
                Queued::Close(answer) => {
                    self.commit(mem::take(&mut together), &mut bells);
                    self.close();
                    if let Some(answer) = answer {
                        answer.send(Ok(()), &mut bells);
                    }
                }
            }
        }
        self.commit(together, &mut bells);
    }

    /// Does the calls in one transaction, or where that fails each in its own, so that one call's failure is no other's.
    fn commit(self: &Arc<Self>, mut calls: Vec<Box<dyn Call>>, bells: &mut Bells) {
        if calls.is_empty() {
            return;
        }
        let store = match self.store() {
            Ok(store) => store,
            Err(failure) => return self.refuse(None, calls, &failure, bells),
        };
        match attempt(&*store, &mut calls) {
            Err(failure) => self.refuse(Some(&store), calls, &failure, bells),
            Ok(Err(_)) if calls.len() > 1 => {
                let mut calls = calls.into_iter();
                while let Some(call) = calls.next() {
                    let mut alone = vec![call];
                    match attempt(&*store, &mut alone) {
                        Ok(ended) => self.finish_all(alone, ended, bells),
                        // The others would wait for the same, one after the other.
                        Err(failure) => {
                            alone.extend(calls);
                            return self.refuse(Some(&store), alone, &failure, bells);
                        }
                    }
                }
            }
            Ok(ended) => self.finish_all(calls, ended, bells),
        }
    }

    /// Calls for which no transaction began, which is the failure of none of them. Those that read need none.
    fn refuse(&self, store: Option<&Arc<S>>, calls: Vec<Box<dyn Call>>, failure: &Failure, bells: &mut Bells) {
        let reader = store.and_then(|store| store.snapshot().ok());
        for mut call in calls {
            let looked = reader.as_ref().and_then(|reader| guarded(|| call.look(reader).transpose()).transpose());
            self.finish(call, looked.unwrap_or_else(|| Err(failure.clone().into())), bells);
        }
    }

    /// Calls that ended together: all of them well, or the only one.
    fn finish_all(&self, calls: Vec<Box<dyn Call>>, ended: Result<(), Cause>, bells: &mut Bells) {
        let mut ended = Some(ended);
        for call in calls {
            self.finish(call, ended.take().unwrap_or(Ok(())), bells);
        }
    }

    fn finish(&self, call: Box<dyn Call>, ended: Result<(), Cause>, bells: &mut Bells) {
        // Before reads of its keys look again.
        self.commits.fetch_add(1, Ordering::Release);
        if self.lock().remove(call.touches()) {
            self.unfinished.fetch_sub(1, Ordering::Release);
        }
        call.answer(ended, bells);
    }

    fn open_store(&self) -> Option<Arc<S>> {
        self.store.try_read().ok()?.clone()
    }

    fn store(self: &Arc<Self>) -> Result<Arc<S>, Failure> {
        if let Some(store) = self.open_store() {
            return Ok(store);
        }
        // Whoever made a call has joined before. A sweep has not: it opens nothing.
        let settings = {
            let state = self.lock();
            let settings = state.settings.clone().filter(|_| state.users > 0);
            settings.ok_or_else(|| Failure::new("CLOSED", "the database is closed"))?
        };
        let open = || Ok(S::open(&self.path, &settings)?);
        let store = Arc::new(guarded(open).map_err(Cause::into_failure)?);
        *self.store.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&store));
        if !S::is_read_only(&settings) {
            // What ended processes left is swept.
            self.will_expire(wall::now());
        }
        Ok(store)
    }

    fn close(&self) {
        let is_last = {
            let mut state = self.lock();
            state.users -= 1;
            state.users == 0
        };
        let store = if is_last { self.store.write().unwrap_or_else(PoisonError::into_inner).take() } else { None };
        if let Some(store) = store {
            store.close();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<S>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Store> State<S> {
    /// Whether an unfinished call changes one of the keys.
    fn is_changing<'a>(&self, keys: impl IntoIterator<Item = &'a [u8]>) -> bool {
        self.everything > 0 || !self.keys.is_empty() && keys.into_iter().any(|key| self.keys.contains_key(&hash(key)))
    }

    /// No unfinished call changes anything.
    fn is_quiet(&self) -> bool {
        self.everything == 0 && self.keys.is_empty()
    }

    /// Whether there is anything that the call changes.
    fn add(&mut self, touches: &Touches) -> bool {
        match touches {
            Touches::Nothing => return false,
            Touches::Everything => self.everything += 1,
            Touches::Keys(keys) => keys.iter().for_each(|&key| *self.keys.entry(key).or_default() += 1),
        }
        true
    }

    fn remove(&mut self, touches: &Touches) -> bool {
        match touches {
            Touches::Nothing => return false,
            Touches::Everything => self.everything -= 1,
            Touches::Keys(keys) => {
                for key in keys {
                    if let Some(count) = self.keys.get_mut(key) {
                        *count -= 1;
                        if *count == 0 {
                            self.keys.remove(key);
                        }
                    }
                }
            }
        }
        true
    }
}

/// A snapshot for a thread that may wait for it.
fn snapshot_of<S: Store>(store: &S) -> Result<S::Reader, Cause> {
    store.snapshot().or_else(|_| {
        // What keeps readers waiting, a transaction sees to.
        store.write(&mut |_| Ok(()))?;
        store.snapshot()
    })
}

/// How the calls ended in one transaction, or why none began.
fn attempt<S: Store>(store: &S, calls: &mut [Box<dyn Call>]) -> Result<Result<(), Cause>, Failure> {
    let mut begun = false;
    let ended = guarded(|| {
        store.write(&mut |edit| {
            begun = true;
            calls.iter_mut().try_for_each(|call| call.act(edit))
        })
    });
    if begun { Ok(ended) } else { ended.map(Ok).map_err(Cause::into_failure) }
}

/// What panics fails.
fn guarded<T>(act: impl FnOnce() -> Result<T, Cause>) -> Result<T, Cause> {
    catch_unwind(AssertUnwindSafe(act)).unwrap_or_else(|panic| Err(Cause::Panic(panic_text(&*panic))))
}

/// For reads, which may wait for the disk, or copy large values.
fn on_the_pool(act: impl FnOnce() + Send + 'static) {
    Pool::get().run(Claim::Nothing, Class::Long, once(act));
}
