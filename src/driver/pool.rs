//! The threads that blocking calls run on: one pool a process.

use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Barrier, Condvar, LazyLock, Mutex, MutexGuard, PoisonError},
    thread,
};

type Job = Box<dyn FnOnce() + Send>;

/// As many as libuv has: more only queue at the disk.
const WORKERS: usize = 4;

static POOL: LazyLock<Pool> = LazyLock::new(Pool::start);

#[derive(Default)]
struct Queue {
    jobs: Mutex<VecDeque<Job>>,
    filled: Condvar,
}

/// Jobs of one order number run one after another, in the order they came: each number has its worker.
pub struct Pool {
    queues: Vec<Arc<Queue>>,
    /// Held while a job enters all queues, so that two of those stand in the same order in each.
    exclusive: Mutex<()>,
}

impl Pool {
    /// The process's pool; its threads start with the first call.
    pub fn get() -> &'static Self {
        &POOL
    }

    fn start() -> Self {
        let queues: Vec<Arc<Queue>> = (0..WORKERS).map(|_| Arc::default()).collect();
        for (index, queue) in queues.iter().enumerate() {
            let queue = Arc::clone(queue);
            thread::Builder::new()
                .name(format!("rustorage-{index}"))
                .spawn(move || work(&queue))
                .expect("the system starts a thread");
        }
        Self { queues, exclusive: Mutex::default() }
    }

    /// Runs `job` after all earlier jobs of the same order number.
    pub fn run(&self, order: u64, job: impl FnOnce() + Send + 'static) {
        let index = usize::try_from(order % WORKERS as u64).unwrap_or_default();
        self.queues[index].push(Box::new(job));
    }

    /// Runs `job` after all earlier jobs and before all later ones.
    pub fn run_exclusive(&self, job: impl FnOnce() + Send + 'static) {
        let arrived = Arc::new(Barrier::new(WORKERS));
        let done = Arc::new(Barrier::new(WORKERS));
        let mut job = Some(job);
        let _guard = lock(&self.exclusive);
        for queue in &self.queues {
            let (arrived, done) = (Arc::clone(&arrived), Arc::clone(&done));
            let job = job.take();
            queue.push(Box::new(move || {
                arrived.wait();
                if let Some(job) = job {
                    // A panic must not keep the other workers waiting; the job reports it by itself.
                    let _ = catch_unwind(AssertUnwindSafe(job));
                }
                done.wait();
            }));
        }
    }
}

impl Queue {
    fn push(&self, job: Job) {
        lock(&self.jobs).push_back(job);
        self.filled.notify_one();
    }

    fn pop(&self) -> Job {
        let mut jobs = lock(&self.jobs);
        loop {
            if let Some(job) = jobs.pop_front() {
                return job;
            }
            jobs = self.filled.wait(jobs).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

fn work(queue: &Queue) {
    loop {
        let job = queue.pop();
        // Jobs catch their own panics to answer their caller; this keeps the worker for the calls after it.
        let _ = catch_unwind(AssertUnwindSafe(job));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn jobs_of_one_number_keep_their_order_and_exclusive_ones_split_them() {
        let (sender, receiver) = mpsc::channel();
        for index in 0..400 {
            let sender = sender.clone();
            let report = move || sender.send(index).unwrap();
            if index % 100 == 99 { Pool::get().run_exclusive(report) } else { Pool::get().run(index % 3, report) }
        }
        drop(sender);
        let seen: Vec<u64> = receiver.iter().collect();
        assert_eq!(seen.len(), 400);
        for number in 0..3 {
            assert!(seen.iter().filter(|&index| index % 100 != 99 && index % 3 == number).is_sorted());
        }
        for (place, index) in seen.iter().enumerate() {
            assert_eq!(place as u64 / 100, index / 100);
        }
    }

    #[test]
    fn a_panic_ends_its_job_only() {
        let (sender, receiver) = mpsc::channel();
        Pool::get().run_exclusive(|| panic!("expected in this test"));
        Pool::get().run(1, || panic!("expected in this test"));
        Pool::get().run(1, move || sender.send(()).unwrap());
        receiver.recv().unwrap();
    }
}
