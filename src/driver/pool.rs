//! The threads that blocking calls run on: one pool a process.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Condvar, LazyLock, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use super::schedule::{Claim, Job, Place, Schedule, TaskId};

/// As many as libuv has: more only queue at the disk.
pub const WORKERS: usize = 4;
/// With those that stand in for workers that something takes long.
const MOST_WORKERS: usize = 16;
/// From how many bytes on a value takes long.
const LARGE: u64 = 1 << 20;
/// How long a worker beyond the usual number waits for work before it ends.
const PATIENCE: Duration = Duration::from_secs(1);

static POOL: LazyLock<Pool> = LazyLock::new(Pool::default);

/// Runs each job after all earlier ones that touch what it touches, and beside all others.
#[derive(Default)]
pub struct Pool {
    state: Mutex<State>,
    filled: Condvar,
    /// Jobs that are not finished, for [`Pool::is_idle`] to read without the lock.
    unfinished: AtomicUsize,
}

#[derive(Default)]
struct State {
    schedule: Schedule,
    workers: usize,
    idle: usize,
    /// How many workers are at something that takes long.
    detained: usize,
}

impl Pool {
    /// The process's pool; its threads start with the first job.
    pub fn get() -> &'static Self {
        &POOL
    }

    pub fn run(&'static self, claim: Claim, job: impl FnOnce() + Send + 'static) {
        self.run_all([(claim, Box::new(job) as Job)]);
    }

    /// Gives over several jobs at once: nothing comes between them.
    pub fn run_all(&'static self, jobs: impl IntoIterator<Item = (Claim, Job)>) {
        let (mut state, mut count) = (self.lock(), 0);
        for (claim, job) in jobs {
            state.schedule.add(claim, job);
            count += 1;
        }
        self.publish(&state);
        if !self.wake(state, count) {
            self.work_without_threads();
        }
    }

    /// Runs `job` at that time or soon after, if the pool has threads.
    pub fn run_at(&'static self, at: Instant, job: impl FnOnce() + Send + 'static) {
        let mut state = self.lock();
        state.schedule.add_timer(at, Box::new(job));
        self.wake(state, 0);
        // Whoever is idle now may be busy then: so all learn of it.
        self.filled.notify_all();
    }

    /// Does what takes long, in a job: another worker stands in meanwhile, so that a few large values or lists hold up
    /// nothing else.
    pub fn take_long<T>(&'static self, act: impl FnOnce() -> T) -> T {
        let mut state = self.lock();
        state.detained += 1;
        let missing = state.idle == 0 && state.workers < (WORKERS + state.detained).min(MOST_WORKERS);
        state.workers += usize::from(missing);
        drop(state);
        if missing && self.start().is_err() {
            self.lock().workers -= 1;
        }
        let returned = Return(self);
        let result = act();
        drop(returned);
        result
    }

    /// Reads or writes so many bytes, which takes long if they are many.
    pub fn transfer<T>(&'static self, bytes: u64, act: impl FnOnce() -> T) -> T {
        if bytes < LARGE { act() } else { self.take_long(act) }
    }

    fn start(&'static self) -> io::Result<()> {
        thread::Builder::new().name("rustorage".into()).spawn(|| self.work()).map(drop)
    }

    /// No job is unfinished, so that every place is free.
    pub fn is_idle(&self) -> bool {
        self.unfinished.load(Ordering::Acquire) == 0
    }

    /// No unfinished job writes to one of the places.
    pub fn is_free(&self, places: &[Place]) -> bool {
        self.is_idle() || places.iter().all(|place| self.lock().schedule.is_free(place))
    }

    /// Sees to it that `count` new jobs find workers. Whether there are any.
    fn wake(&'static self, mut state: MutexGuard<State>, count: usize) -> bool {
        if state.workers > 0 {
            let idle = state.idle;
            drop(state);
            for _ in 0..count.min(idle) {
                self.filled.notify_one();
            }
            return true;
        }
        state.workers = WORKERS;
        drop(state);
        let refused = (0..WORKERS).filter(|_| self.start().is_err()).count();
        self.lock().workers -= refused;
        refused < WORKERS
    }

    /// The system gave no thread: the caller does the work.
    fn work_without_threads(&self) {
        let mut state = self.lock();
        while state.workers == 0
            && let Some(task) = state.schedule.take()
        {
            state = self.run_task(state, task);
        }
    }

    fn work(&self) {
        let mut state = self.lock();
        loop {
            if state.schedule.next_timer().is_some() {
                state.schedule.advance(Instant::now());
                self.publish(&state);
            }
            if let Some(task) = state.schedule.take() {
                state = self.run_task(state, task);
                continue;
            }
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
            let is_spare = state.workers > WORKERS + state.detained && state.schedule.ready() == 0;
            if is_spare && patience.is_some_and(|end| Instant::now() >= end) {
                state.workers -= 1;
                return;
            }
        }
    }

    fn run_task<'a>(&'a self, state: MutexGuard<State>, (id, job): (TaskId, Job)) -> MutexGuard<'a, State> {
        drop(state);
        // Jobs catch their own panics to answer their caller; this keeps the worker for the calls after it.
        let _ = catch_unwind(AssertUnwindSafe(job));
        let mut state = self.lock();
        state.schedule.finish(id);
        self.publish(&state);
        // This worker takes the first of what became ready.
        for _ in 1..state.schedule.ready().min(state.idle + 1) {
            self.filled.notify_one();
        }
        state
    }

    fn publish(&self, state: &State) {
        self.unfinished.store(state.schedule.unfinished(), Ordering::Release);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A worker that comes back from what took long, be it by a panic.
struct Return<'a>(&'a Pool);

impl Drop for Return<'_> {
    fn drop(&mut self) {
        self.0.lock().detained -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::{super::schedule::Access, *};
    use std::sync::{Arc, Barrier, mpsc};

    fn item(name: impl AsRef<[u8]>) -> Claim {
        Claim::Items([Place::new(name.as_ref())].into(), Access::Write)
    }

    fn area(name: impl AsRef<[u8]>) -> Claim {
        Claim::Area(Place::new(name.as_ref()), Access::Write)
    }

    #[test]
    fn jobs_on_one_place_keep_their_order_and_areas_split_them() {
        let (sender, receiver) = mpsc::channel();
        for index in 0..400 {
            let sender = sender.clone();
            let claim = if index % 100 == 99 { area(*b"/x/") } else { item(format!("/x/{}", index % 3)) };
            Pool::get().run(claim, move || sender.send(index).unwrap());
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
        Pool::get().run(item("/long/a"), move || stopped.recv().unwrap());
        let behind = sender.clone();
        Pool::get().run(area(*b"/long/"), move || behind.send("behind").unwrap());
        Pool::get().run(item("/other/a"), move || sender.send("other").unwrap());
        assert_eq!(receiver.recv().unwrap(), "other");
        assert!(!Pool::get().is_free(&[Place::new(*b"/long/b")]));
        assert!(Pool::get().is_free(&[Place::new(*b"/longer")]));
        stop.send(()).unwrap();
        assert_eq!(receiver.recv().unwrap(), "behind");
    }

    #[test]
    fn what_takes_long_holds_up_nothing_else() {
        let (sender, receiver) = mpsc::channel();
        let gates: Vec<_> = (0..2 * WORKERS)
            .map(|number| {
                let (open, opened) = mpsc::channel::<()>();
                let ended = sender.clone();
                Pool::get().run(item(format!("/large/{number}")), move || {
                    Pool::get().take_long(|| opened.recv().unwrap());
                    ended.send("long").unwrap();
                });
                open
            })
            .collect();
        Pool::get().run(item("/small"), move || sender.send("short").unwrap());
        assert_eq!(receiver.recv().unwrap(), "short");
        for open in &gates {
            open.send(()).unwrap();
        }
        assert_eq!(receiver.iter().count(), 2 * WORKERS);
        // Those that stood in end some time.
        let given_up = Instant::now() + Duration::from_secs(60);
        while Pool::get().lock().workers > WORKERS {
            assert!(Instant::now() < given_up, "a worker that stood in does not end");
            thread::sleep(Duration::from_millis(10));
        }
    }

    #[test]
    fn what_reads_passes_what_reads() {
        let (stop, stopped) = mpsc::channel::<()>();
        let (sender, receiver) = mpsc::channel();
        Pool::get().run(Claim::Area(Place::new(*b"/read/"), Access::Read), move || stopped.recv().unwrap());
        let reader = sender.clone();
        Pool::get()
            .run(Claim::Items([Place::new(*b"/read/a")].into(), Access::Read), move || reader.send("reads").unwrap());
        assert_eq!(receiver.recv().unwrap(), "reads");
        assert!(Pool::get().is_free(&[Place::new(*b"/read/a")]));
        Pool::get().run(item("/read/a"), move || sender.send("writes").unwrap());
        assert!(!Pool::get().is_free(&[Place::new(*b"/read/a")]));
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
                    let claim = if index % 50 == 0 { area(*b"/s/") } else { item(format!("/s/{place}")) };
                    Pool::get().run(claim, move || counts[place].lock().unwrap().push(thread * 10_000 + index));
                }
                let (sender, receiver) = mpsc::channel();
                Pool::get().run(area(*b"/s/"), move || sender.send(()).unwrap());
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
        Pool::get().run(area(*b"/p/"), || panic!("expected in this test"));
        Pool::get().run(item("/p/1"), || panic!("expected in this test"));
        Pool::get().run(item("/p/1"), move || sender.send(()).unwrap());
        receiver.recv().unwrap();
    }

    #[test]
    fn timers_come_in_the_order_of_their_times() {
        let (sender, receiver) = mpsc::channel();
        let now = Instant::now();
        for delay in [30, 10, 20] {
            let sender = sender.clone();
            Pool::get().run_at(now + Duration::from_millis(delay), move || sender.send(delay).unwrap());
        }
        assert_eq!(receiver.iter().take(3).collect::<Vec<_>>(), [10, 20, 30]);
        // They are counted like other jobs: what comes after them is not mistaken for finished.
        let (stop, stopped) = mpsc::channel::<()>();
        Pool::get().run(item("/timed/a"), move || stopped.recv().unwrap());
        assert!(!Pool::get().is_free(&[Place::new(*b"/timed/a")]));
        stop.send(()).unwrap();
    }
}
