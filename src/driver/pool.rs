//! The threads that blocking calls run on: one pool a process.

use std::{
    cell::Cell,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Condvar, LazyLock, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use smallvec::SmallVec;

use super::{
    claim::{Access, Claim, Places},
    schedule::{Class, Job, Schedule},
};

/// As many as libuv has: more only queue at the disk.
pub const WORKERS: usize = 4;
/// How long a worker beyond the usual number waits for work before it ends.
const PATIENCE: Duration = Duration::from_secs(1);
/// From how many bytes on a value takes long.
const LARGE: u64 = 1 << 20;

static POOL: LazyLock<Pool> = LazyLock::new(Pool::default);

impl Class {
    /// Of what reads or writes so many bytes.
    pub fn of(bytes: u64) -> Self {
        if bytes < LARGE { Self::Short } else { Self::Long }
    }

    /// How many jobs of it run at one time. Each class has threads of its own: so none waits for another's.
    const fn most(self) -> usize {
        match self {
            Self::Short => WORKERS,
            Self::Long | Self::Committing => 8,
            Self::Asking => 4,
        }
    }
}

/// Runs each job after all earlier ones that touch what it touches, and beside all others.
#[derive(Default)]
pub struct Pool {
    state: Mutex<State>,
    filled: Condvar,
    /// How many jobs are unfinished, and how many of them write, for those to read who do not hold the lock.
    unfinished: AtomicUsize,
    writers: AtomicUsize,
}

#[derive(Default)]
struct State {
    schedule: Schedule,
    workers: usize,
    /// How many sleep.
    idle: usize,
    /// Some worker was woken or started, and will look for work. It wakes the next one.
    waking: bool,
    running: [usize; Class::COUNT],
}

thread_local! {
    /// Of the job that this thread runs. No other thread is waited for.
    static CLASS: Cell<Class> = const { Cell::new(Class::Long) };
}

impl Pool {
    /// The process's pool; its threads start when there is work for them.
    pub fn get() -> &'static Self {
        &POOL
    }

    /// Whether the job of this thread may do what a job of that class does.
    pub fn allows(class: Class) -> bool {
        class == Class::Short || CLASS.get() != Class::Short
    }

    pub fn run(&'static self, claim: Claim, class: Class, job: Job) {
        self.run_all([(claim, class, job)]);
    }

    /// Gives over several jobs at once: nothing comes between them.
    pub fn run_all(&'static self, jobs: impl IntoIterator<Item = (Claim, Class, Job)>) {
        let looked_up = |(claim, class, job)| match claim {
            // There is time for it while nobody waits for the lock.
            Claim::Later(lookup, access) if !self.is_clear(access) => (Claim::Places(lookup(), access), class, job),
            claim => (claim, class, job),
        };
        let jobs: SmallVec<[_; 1]> = jobs.into_iter().map(looked_up).collect();
        let mut state = self.lock();
        for (claim, class, job) in jobs {
            state.schedule.add(claim, class, job);
        }
        self.wake(state);
    }

    /// Runs the job at that time or soon after, if the pool has threads.
    pub fn run_at(&'static self, at: Instant, class: Class, job: Job) {
        let mut state = self.lock();
        state.schedule.add_timer(at, class, job);
        if state.workers == 0 {
            self.start_missing(&mut state);
        }
        drop(state);
        // Whoever is idle now may be busy then: so all learn of it.
        self.filled.notify_all();
    }

    /// No unfinished job can be in the way of one that does so, whatever it touches.
    fn is_clear(&self, access: Access) -> bool {
        let in_the_way = match access {
            Access::Read => &self.writers,
            Access::Write => &self.unfinished,
        };
        in_the_way.load(Ordering::Acquire) == 0
    }

    /// No unfinished job writes to one of the places, which are looked up if need be.
    pub fn is_free(&self, lookup: impl FnOnce() -> Places) -> bool {
        if self.is_clear(Access::Read) {
            return true;
        }
        let places = lookup();
        let mut state = self.lock();
        places.iter().all(|place| state.schedule.is_free(place))
    }

    /// Sees to it that what can run finds a worker.
    fn wake(&'static self, mut state: MutexGuard<State>) {
        self.publish(&state);
        if state.waking || state.runnable().is_none() {
            return;
        }
        if state.idle > 0 {
            state.waking = true;
            drop(state);
            return self.filled.notify_one();
        }
        self.start_missing(&mut state);
        if state.workers == 0 {
            self.work_without_threads(state);
        }
    }

    /// Starts the usual number of workers, or one more if all are busy, as far as the system gives threads.
    fn start_missing(&'static self, state: &mut State) {
        let busy: usize = state.running.iter().sum();
        while state.workers < WORKERS.max(busy + 1) {
            if thread::Builder::new().name("rustorage".into()).spawn(|| self.work()).is_err() {
                return;
            }
            state.workers += 1;
            state.waking = true;
        }
    }

    /// The caller does the work.
    fn work_without_threads(&'static self, mut state: MutexGuard<State>) {
        while state.workers == 0 {
            state.schedule.advance(Instant::now());
            if let Some(class) = state.runnable() {
                state = self.run_next(state, class);
            } else if let Some(at) = state.schedule.next_return() {
                drop(state);
                thread::sleep(at.saturating_duration_since(Instant::now()));
                state = self.lock();
            } else {
                return;
            }
        }
    }

    fn work(&'static self) {
        let mut state = self.lock();
        state.waking = false;
        loop {
            if state.schedule.next_timer().is_some() {
                state.schedule.advance(Instant::now());
            }
            if let Some(class) = state.runnable() {
                state = self.run_next(state, class);
                continue;
            }
            self.publish(&state);
            state.idle += 1;
            let patience = (state.workers > WORKERS).then(|| Instant::now() + PATIENCE);
            let wakes = state.schedule.next_timer().into_iter().chain(patience).min();
            state = match wakes {
                None => self.filled.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(at) => {
                    let timeout = at.saturating_duration_since(Instant::now());
                    self.filled.wait_timeout(state, timeout).unwrap_or_else(PoisonError::into_inner).0
                }
            };
            state.idle -= 1;
            state.waking = false;
            let is_spare = state.workers > WORKERS && state.runnable().is_none();
            if is_spare && patience.is_some_and(|end| Instant::now() >= end) {
                state.workers -= 1;
                return;
            }
        }
    }

    /// Runs a job of that class, of which one can run.
    fn run_next<'a>(&'static self, mut state: MutexGuard<'a, State>, class: Class) -> MutexGuard<'a, State> {
        let Some((id, mut job)) = state.schedule.take(class) else { return state };
        state.running[class as usize] += 1;
        if state.workers > 0 {
            self.wake(state);
        } else {
            drop(state);
        }
        CLASS.set(class);
        // Jobs catch their own panics to answer their caller; this keeps the worker for the calls after it.
        let again = catch_unwind(AssertUnwindSafe(&mut job)).unwrap_or_default();
        CLASS.set(Class::Long);
        let mut state;
        if let Some(again) = again {
            state = self.lock();
            state.schedule.put_back(id, job, again);
        } else {
            drop(job);
            state = self.lock();
            state.schedule.finish(id);
        }
        state.running[class as usize] -= 1;
        state
    }

    fn publish(&self, state: &State) {
        self.unfinished.store(state.schedule.unfinished(), Ordering::Release);
        self.writers.store(state.schedule.writers(), Ordering::Release);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// A class of which a job can run.
    fn runnable(&self) -> Option<Class> {
        let can_run = |class: &Class| self.schedule.ready(*class) > 0 && self.running[*class as usize] < class.most();
        Class::ALL.into_iter().find(can_run)
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{claim::Place, once, schedule::Again},
        *,
    };
    use std::sync::{Arc, Barrier, mpsc};

    fn place(name: impl AsRef<[u8]>) -> Place {
        Place::of_path(name.as_ref())
    }

    fn writes(name: impl AsRef<[u8]>) -> Claim {
        Claim::Places([place(name)].into(), Access::Write)
    }

    fn reads(name: impl AsRef<[u8]>) -> Claim {
        Claim::Places([place(name)].into(), Access::Read)
    }

    fn is_free(name: &str) -> bool {
        Pool::get().is_free(|| [place(name)].into())
    }

    fn run(claim: Claim, job: impl FnOnce() + Send + 'static) {
        run_as(Class::Short, claim, job);
    }

    fn run_as(class: Class, claim: Claim, job: impl FnOnce() + Send + 'static) {
        Pool::get().run(claim, class, once(job));
    }

    #[test]
    fn jobs_on_one_place_keep_their_order_and_areas_split_them() {
        let (sender, receiver) = mpsc::channel();
        for index in 0..400 {
            let sender = sender.clone();
            let claim = if index % 100 == 99 { writes(b"/x/") } else { writes(format!("/x/{}", index % 3)) };
            run(claim, move || sender.send(index).unwrap());
        }
        drop(sender);
        let seen: Vec<usize> = receiver.iter().collect();
        assert_eq!(seen.len(), 400);
        for number in 0..3 {
            assert!(seen.iter().filter(|&index| index % 100 != 99 && index % 3 == number).is_sorted());
        }
        for (place, index) in seen.iter().enumerate() {
            assert_eq!(place / 100, index / 100);
        }
    }

    #[test]
    fn jobs_elsewhere_pass_what_takes_long() {
        let (stop, stopped) = mpsc::channel::<()>();
        let (sender, receiver) = mpsc::channel();
        run(writes("/long/a"), move || stopped.recv().unwrap());
        let behind = sender.clone();
        run(writes(b"/long/"), move || behind.send("behind").unwrap());
        run(writes("/other/a"), move || sender.send("other").unwrap());
        assert_eq!(receiver.recv().unwrap(), "other");
        assert!(!is_free("/long/b"));
        assert!(is_free("/longer"));
        stop.send(()).unwrap();
        assert_eq!(receiver.recv().unwrap(), "behind");
    }

    #[test]
    fn what_takes_long_or_asks_holds_up_nothing_else_however_many_there_are() {
        let (sender, receiver) = mpsc::channel();
        let mut gates = Vec::new();
        for class in [Class::Long, Class::Asking, Class::Committing] {
            for number in 0..20 {
                let (open, opened) = mpsc::channel::<()>();
                let ended = sender.clone();
                run_as(class, writes(format!("/large/{class:?}{number}")), move || {
                    opened.recv().unwrap();
                    ended.send("long").unwrap();
                });
                gates.push(open);
            }
            let ended = sender.clone();
            run(writes("/small"), move || ended.send("short").unwrap());
            assert_eq!(receiver.recv().unwrap(), "short");
        }
        drop(sender);
        for open in &gates {
            open.send(()).unwrap();
        }
        assert_eq!(receiver.iter().count(), 60);
        // Those beyond the usual number end some time.
        let given_up = Instant::now() + Duration::from_secs(60);
        while Pool::get().lock().workers > WORKERS {
            assert!(Instant::now() < given_up, "a spare worker does not end");
            thread::sleep(Duration::from_millis(10));
        }
    }

    #[test]
    fn what_turns_out_to_take_long_and_what_waits_leaves_its_thread_and_keeps_its_place() {
        let (sender, receiver) = mpsc::channel();
        let (open, opened) = mpsc::channel::<()>();
        let opened = Arc::new(Mutex::new(opened));
        for number in 0..20 {
            let (opened, ended, mut waited) = (Arc::clone(&opened), sender.clone(), false);
            let job = move || {
                if !Pool::allows(Class::Long) {
                    return Some(Again::TakesLong);
                }
                if !waited {
                    waited = true;
                    return Some(Again::At(Instant::now()));
                }
                opened.lock().unwrap().recv().unwrap();
                ended.send("long").unwrap();
                None
            };
            Pool::get().run(writes(format!("/later/{number}")), Class::Short, Box::new(job));
        }
        let (after, ended) = (sender.clone(), sender);
        run(reads("/later/0"), move || after.send("after").unwrap());
        run(writes("/small"), move || ended.send("short").unwrap());
        assert_eq!(receiver.recv().unwrap(), "short");
        for _ in 0..20 {
            open.send(()).unwrap();
        }
        let order: Vec<&str> = receiver.iter().collect();
        assert_eq!(order.len(), 21);
        assert!(order[0] == "long" && order.contains(&"after"));
    }

    #[test]
    fn what_reads_passes_what_reads() {
        let (stop, stopped) = mpsc::channel::<()>();
        let (sender, receiver) = mpsc::channel();
        run(reads("/read/"), move || stopped.recv().unwrap());
        let reader = sender.clone();
        run(reads("/read/a"), move || reader.send("reads").unwrap());
        assert_eq!(receiver.recv().unwrap(), "reads");
        assert!(is_free("/read/a"));
        run(writes("/read/a"), move || sender.send("writes").unwrap());
        assert!(!is_free("/read/a"));
        assert!(receiver.try_recv().is_err());
        stop.send(()).unwrap();
        assert_eq!(receiver.recv().unwrap(), "writes");
    }

    #[test]
    fn many_threads_give_work_over_and_all_of_it_is_done_in_order() {
        let counts: Arc<Vec<Mutex<Vec<usize>>>> = Arc::new((0..8).map(|_| Mutex::default()).collect());
        let done = Arc::new(Barrier::new(5));
        for thread in 0..4 {
            let (counts, done) = (Arc::clone(&counts), Arc::clone(&done));
            thread::spawn(move || {
                for index in 0..2000 {
                    let (place, counts) = ((thread * 7 + index) % 8, Arc::clone(&counts));
                    let claim = if index % 50 == 0 { writes(b"/s/") } else { writes(format!("/s/{place}")) };
                    run(claim, move || counts[place].lock().unwrap().push(thread * 10_000 + index));
                }
                let (sender, receiver) = mpsc::channel();
                run(writes(b"/s/"), move || sender.send(()).unwrap());
                receiver.recv().unwrap();
                done.wait();
            });
        }
        done.wait();
        let total: usize = counts.iter().map(|place| place.lock().unwrap().len()).sum();
        assert_eq!(total, 8000);
        for place in counts.iter() {
            let place = place.lock().unwrap();
            for thread in 0..4 {
                assert!(place.iter().filter(|&number| number / 10_000 == thread).is_sorted());
            }
        }
    }

    #[test]
    fn a_panic_ends_its_job_only() {
        let (sender, receiver) = mpsc::channel();
        run(writes(b"/p/"), || panic!("expected in this test"));
        run(writes("/p/1"), || panic!("expected in this test"));
        run(writes("/p/1"), move || sender.send(()).unwrap());
        receiver.recv().unwrap();
    }

    #[test]
    fn timers_come_in_the_order_of_their_times() {
        let (sender, receiver) = mpsc::channel();
        let now = Instant::now();
        for delay in [30, 10, 20] {
            let sender = sender.clone();
            let job = once(move || sender.send(delay).unwrap());
            Pool::get().run_at(now + Duration::from_millis(delay), Class::Short, job);
        }
        assert_eq!(receiver.iter().take(3).collect::<Vec<_>>(), [10, 20, 30]);
        // They are counted like other jobs: what comes after them is not mistaken for finished.
        let (stop, stopped) = mpsc::channel::<()>();
        run(writes("/timed/a"), move || stopped.recv().unwrap());
        assert!(!is_free("/timed/a"));
        stop.send(()).unwrap();
    }
}
