//! Which jobs may run: those that wait for no others ([`Order`]), and whose time has come.

use std::{
    collections::{BinaryHeap, HashMap, VecDeque},
    mem,
    time::Instant,
};

use foldhash::fast::FixedState;
use slab::Slab;
use smallvec::SmallVec;

use super::{
    claim::{Access, Claim, Lookup, Place},
    order::{GroupId, Order, TaskId},
};

/// Does the work. Where that would hold up others, it does not, and says when it is to be run again.
pub type Job = Box<dyn FnMut() -> Option<Again> + Send>;

/// How a job goes on that is not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    /// As one that takes long.
    TakesLong,
    At(Instant),
}

/// For how long a job may keep its thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    Short,
    /// It goes through folders, or moves many bytes.
    Long,
    /// It goes through folders, and waits for answers of JavaScript.
    Asking,
    /// It writes to a database, and may wait for what takes long to have read it.
    Committing,
}

impl Class {
    pub const COUNT: usize = 4;
    pub const ALL: [Self; Self::COUNT] = [Self::Short, Self::Long, Self::Asking, Self::Committing];
}

struct Task<J> {
    /// None while it runs.
    job: Option<J>,
    class: Class,
    writes: bool,
    groups: SmallVec<[GroupId; 12]>,
    /// How many groups it still waits for.
    waits: usize,
}

/// Something to do at some time.
struct Timer<J> {
    at: Instant,
    due: Due<J>,
}

enum Due<J> {
    Job(Class, J),
    Task(TaskId),
}

pub struct Schedule<J = Job> {
    tasks: Slab<Task<J>>,
    order: Order,
    /// Of those whose places were not looked up: some that read, or one that writes.
    lookups: HashMap<TaskId, (Lookup, Access), FixedState>,
    ready: [VecDeque<TaskId>; Class::COUNT],
    writers: usize,
    timers: BinaryHeap<Timer<J>>,
}

impl<J> Default for Schedule<J> {
    fn default() -> Self {
        Self {
            tasks: Slab::new(),
            order: Order::default(),
            lookups: HashMap::default(),
            ready: Default::default(),
            writers: 0,
            timers: BinaryHeap::new(),
        }
    }
}

impl<J> Schedule<J> {
    pub fn add(&mut self, claim: Claim, class: Class, job: J) {
        let writes = claim.writes();
        let is_met = self.writers > 0 || writes && !self.tasks.is_empty();
        let id = self.tasks.insert(Task { job: Some(job), class, writes, groups: SmallVec::new(), waits: 0 });
        if is_met {
            self.look_up();
        }
        self.writers += usize::from(writes);
        match claim {
            Claim::Nothing => {}
            Claim::Places(places, access) => self.wait_and_enter(id, &places, access),
            Claim::Later(lookup, access) if is_met => self.wait_and_enter(id, &lookup(), access),
            Claim::Later(lookup, access) => {
                self.lookups.insert(id, (lookup, access));
            }
        }
        if self.tasks.get(id).is_some_and(|task| task.waits == 0) {
            self.ready[class as usize].push_back(id);
        }
    }

    /// Looks up what was put off. Nothing that came between can be met.
    fn look_up(&mut self) {
        for (id, (lookup, access)) in mem::take(&mut self.lookups) {
            self.enter(id, &lookup(), access);
        }
    }

    fn wait_and_enter(&mut self, id: TaskId, places: &[Place], access: Access) {
        let waits = self.order.wait(id, places, access);
        if let Some(task) = self.tasks.get_mut(id) {
            task.waits = waits;
        }
        // It must not wait for itself, so it is entered after all that.
        self.enter(id, places, access);
    }

    fn enter(&mut self, id: TaskId, places: &[Place], access: Access) {
        if let Some(task) = self.tasks.get_mut(id) {
            task.groups.extend(self.order.enter(places, access));
        }
    }

    pub fn add_timer(&mut self, at: Instant, class: Class, job: J) {
        self.timers.push(Timer { at, due: Due::Job(class, job) });
    }

    pub fn next_timer(&self) -> Option<Instant> {
        self.timers.peek().map(|timer| timer.at)
    }

    /// When the first task that was put back is to be run again.
    pub fn next_return(&self) -> Option<Instant> {
        self.timers.iter().filter(|timer| matches!(timer.due, Due::Task(_))).map(|timer| timer.at).min()
    }

    /// Makes what is due by `now` ready.
    pub fn advance(&mut self, now: Instant) {
        while self.next_timer().is_some_and(|at| at <= now)
            && let Some(timer) = self.timers.pop()
        {
            match timer.due {
                Due::Job(class, job) => self.add(Claim::Nothing, class, job),
                Due::Task(id) => self.make_ready(id),
            }
        }
    }

    /// A task of that class that may run; [`Schedule::finish`] or [`Schedule::put_back`] must follow.
    pub fn take(&mut self, class: Class) -> Option<(TaskId, J)> {
        let id = self.ready[class as usize].pop_front()?;
        let job = self.tasks.get_mut(id)?.job.take()?;
        Some((id, job))
    }

    /// The task has run, but is not finished.
    pub fn put_back(&mut self, id: TaskId, job: J, again: Again) {
        let Some(task) = self.tasks.get_mut(id) else { return };
        task.job = Some(job);
        match again {
            Again::TakesLong => {
                task.class = Class::Long;
                self.make_ready(id);
            }
            Again::At(at) => self.timers.push(Timer { at, due: Due::Task(id) }),
        }
    }

    fn make_ready(&mut self, id: TaskId) {
        if let Some(task) = self.tasks.get(id) {
            self.ready[task.class as usize].push_back(id);
        }
    }

    pub fn finish(&mut self, id: TaskId) {
        let Some(task) = self.tasks.try_remove(id) else { return };
        self.writers -= usize::from(task.writes);
        self.lookups.remove(&id);
        let Self { order, tasks, ready, .. } = self;
        for group in task.groups {
            order.leave(group, |follower| {
                let Some(task) = tasks.get_mut(follower) else { return };
                task.waits -= 1;
                if task.waits == 0 {
                    ready[task.class as usize].push_back(follower);
                }
            });
        }
    }

    /// How many tasks are not finished.
    pub fn unfinished(&self) -> usize {
        self.tasks.len()
    }

    /// How many of them write.
    pub fn writers(&self) -> usize {
        self.writers
    }

    /// How many tasks of that class may run.
    pub fn ready(&self, class: Class) -> usize {
        self.ready[class as usize].len()
    }

    /// No unfinished task writes to the place.
    pub fn is_free(&mut self, place: &Place) -> bool {
        self.look_up();
        self.order.is_free(place)
    }
}

impl<J> PartialEq for Timer<J> {
    fn eq(&self, other: &Self) -> bool {
        self.at == other.at
    }
}

impl<J> Eq for Timer<J> {}

impl<J> PartialOrd for Timer<J> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// The earliest is the greatest, as a heap gives out the greatest first.
impl<J> Ord for Timer<J> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        other.at.cmp(&self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::claim::Places, *};
    use proptest::prelude::*;
    use std::sync::{Arc, Mutex};

    const ITEMS: [&str; 9] = ["/a/1", "/a/2", "/a/b/1", "/a/b/2", "/a/b/c/1", "/d/1", "/d/2", "/ab", "inode"];
    const AREAS: [&str; 5] = ["/", "/a/", "/a/b/", "/d/", "/none/"];

    #[derive(Debug, Clone)]
    enum Step {
        Add(Names, Access),
        /// One whose places are looked up late.
        AddLater(Names, Access),
        Take,
        /// Puts one of those that run back, to run again if so.
        PutBack(usize, bool),
    }

    type Names = Vec<&'static str>;

    fn access() -> impl Strategy<Value = Access> {
        prop_oneof![Just(Access::Read), Just(Access::Write)]
    }

    fn items() -> impl Strategy<Value = Names> {
        prop::collection::vec(prop::sample::select(ITEMS.as_slice()), 1..4)
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (items(), access()).prop_map(|(names, access)| Step::Add(names, access)),
            2 => (items(), access()).prop_map(|(names, access)| Step::AddLater(names, access)),
            1 => (prop::sample::select(AREAS.as_slice()), access()).prop_map(|(name, access)| Step::Add(vec![name], access)),
            4 => Just(Step::Take),
            4 => (any::<prop::sample::Index>(), prop::bool::weighted(0.2))
                .prop_map(|(index, again)| Step::PutBack(index.index(64), again)),
        ]
    }

    fn places(names: &[&str]) -> Places {
        names.iter().map(|name| Place::of_path(name.as_bytes())).collect()
    }

    fn meet(one: &str, other: &str) -> bool {
        let covers = |area: &str, name: &str| area.ends_with('/') && name.starts_with(area);
        one == other || covers(one, other) || covers(other, one)
    }

    #[derive(Debug, Clone)]
    struct Touched(Names, Access);

    impl Touched {
        fn is_in_the_way_of(&self, other: &Self) -> bool {
            (self.1 == Access::Write || other.1 == Access::Write)
                && self.0.iter().any(|one| other.0.iter().any(|other| meet(one, other)))
        }
    }

    proptest! {
        /// The model: a job may run when no earlier unfinished one touches what it touches.
        #[test]
        fn a_job_runs_when_no_earlier_one_is_in_its_way(steps in prop::collection::vec(step(), 1..120)) {
            let mut schedule: Schedule = Schedule::default();
            let started = Arc::new(Mutex::new(Vec::new()));
            let mut waiting: Vec<(usize, Touched)> = Vec::new();
            let mut running: Vec<(usize, Touched, TaskId, Job)> = Vec::new();
            let mut next = 0;
            for step in steps.into_iter().chain((0..400).flat_map(|_| [Step::Take, Step::PutBack(0, false)])) {
                match step {
                    Step::Add(..) | Step::AddLater(..) => {
                        let (claim, touched) = match step {
                            Step::Add(names, access) => (Claim::Places(places(&names), access), Touched(names, access)),
                            Step::AddLater(names, access) => {
                                let looked_up = names.clone();
                                (Claim::Later(Box::new(move || places(&looked_up)), access), Touched(names, access))
                            }
                            _ => unreachable!(),
                        };
                        let (number, started) = (next, Arc::clone(&started));
                        let job = move || {
                            started.lock().unwrap().push(number);
                            None
                        };
                        schedule.add(claim, Class::Short, Box::new(job));
                        waiting.push((number, touched));
                        next += 1;
                    }
                    Step::Take => {
                        let free: Vec<usize> = waiting
                            .iter()
                            .filter(|(number, touched)| {
                                !running.iter().any(|(earlier, other, ..)| earlier < number && touched.is_in_the_way_of(other))
                                    && !waiting.iter().any(|(earlier, other)| earlier < number && touched.is_in_the_way_of(other))
                            })
                            .map(|(number, _)| *number)
                            .collect();
                        prop_assert_eq!(schedule.ready(Class::Short), free.len());
                        if let Some((id, mut job)) = schedule.take(Class::Short) {
                            job();
                            let number = *started.lock().unwrap().last().unwrap();
                            prop_assert!(free.contains(&number));
                            let index = waiting.iter().position(|(waits, _)| *waits == number).unwrap();
                            let (_, touched) = waiting.remove(index);
                            running.push((number, touched, id, job));
                        }
                    }
                    Step::PutBack(index, again) => {
                        if !running.is_empty() {
                            let (number, touched, id, job) = running.remove(index % running.len());
                            if again {
                                let now = Instant::now();
                                schedule.put_back(id, job, Again::At(now));
                                schedule.advance(now);
                                waiting.push((number, touched));
                            } else {
                                schedule.finish(id);
                            }
                        }
                    }
                }
                let unfinished = || waiting.iter().map(|(_, other)| other).chain(running.iter().map(|(_, other, ..)| other));
                prop_assert_eq!(schedule.writers(), unfinished().filter(|other| other.1 == Access::Write).count());
                for name in ITEMS {
                    let read = Touched(vec![name], Access::Read);
                    let taken = unfinished().any(|other| read.is_in_the_way_of(other));
                    prop_assert_eq!(schedule.is_free(&Place::of_path(name.as_bytes())), !taken);
                }
            }
            prop_assert!(waiting.is_empty() && running.is_empty(), "every job ran");
            prop_assert!(schedule.order.is_empty() && schedule.tasks.is_empty());
        }
    }

    #[test]
    fn what_waits_knows_groups_and_not_their_tasks() {
        let mut schedule: Schedule = Schedule::default();
        let mut add = |name: &str, access| {
            schedule.add(Claim::Places(places(&[name]), access), Class::Long, Box::new(|| None));
        };
        for number in 0..1000 {
            add(&format!("/a/{number}"), Access::Write);
        }
        for _ in 0..1000 {
            add("/a/", Access::Read);
        }
        for number in 0..1000 {
            add(&format!("/a/{number}"), Access::Write);
        }
        let waits: usize = schedule.tasks.iter().map(|(_, task)| task.waits).sum();
        assert_eq!(
            waits,
            1000 + 2 * 1000,
            "a list waits for the writes, a write for the lists and for that on its item"
        );
        for _ in 0..3000 {
            let (id, job) = schedule.take(Class::Long).unwrap();
            drop(job);
            schedule.finish(id);
        }
        assert!(schedule.tasks.is_empty() && schedule.order.is_empty());
    }
}
