//! Which jobs may run: each waits for the earlier ones that touch what it touches, and for no others.

use std::{
    collections::{BinaryHeap, HashMap, VecDeque, hash_map::Entry},
    hash::{BuildHasher, BuildHasherDefault, Hasher},
    time::Instant,
};

use foldhash::fast::FixedState;
use smallvec::SmallVec;

pub type Job = Box<dyn FnOnce() + Send>;
pub type TaskId = usize;

/// Where an item lies, in words that the whole process shares: two drivers over one folder name a file alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    name: Box<[u8]>,
    hash: u64,
}

impl Place {
    pub fn new(name: impl Into<Box<[u8]>>) -> Self {
        let name = name.into();
        Self { hash: FixedState::default().hash_one(&name), name }
    }

    fn covers(&self, other: &Self) -> bool {
        other.name.starts_with(&self.name)
    }
}

/// The places of one job: usually one.
pub type Places = SmallVec<[Place; 1]>;

/// Whether a job changes what it touches. Jobs that only read do not wait for each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    Read,
    Write,
}

/// What a job touches.
#[derive(Debug, Clone)]
pub enum Claim {
    Nothing,
    Items(Places, Access),
    /// Every item whose place starts with this one.
    Area(Place, Access),
}

impl Claim {
    fn items(&self) -> &[Place] {
        match self {
            Self::Items(places, _) => places,
            Self::Nothing | Self::Area(..) => &[],
        }
    }

    fn access(&self) -> Access {
        match self {
            Self::Nothing => Access::Read,
            Self::Items(_, access) | Self::Area(_, access) => *access,
        }
    }

    /// Two claims of items are compared by `Schedule::users` instead, which is faster.
    fn meets_area(&self, area: &Place, access: Access) -> bool {
        (access == Access::Write || self.access() == Access::Write)
            && match self {
                Self::Area(other, _) => area.covers(other) || other.covers(area),
                _ => self.items().iter().any(|place| area.covers(place)),
            }
    }
}

/// The unfinished tasks that claim one place, as far as a new one has to wait for them.
#[derive(Default)]
struct Users {
    /// The last that writes.
    writer: Option<TaskId>,
    /// Those after it that read.
    readers: Vec<TaskId>,
}

struct Task<J> {
    /// None once it runs.
    job: Option<J>,
    claim: Claim,
    /// Its place in the order of all tasks.
    number: u64,
    /// How many earlier tasks it still waits for, as far as they are known.
    waits: usize,
    followers: Vec<TaskId>,
}

struct Timer<J> {
    at: Instant,
    job: J,
}

/// Tasks wait only for earlier ones, so some task can always run: there is no deadlock.
pub struct Schedule<J = Job> {
    tasks: Vec<Option<Task<J>>>,
    free: Vec<TaskId>,
    ready: VecDeque<TaskId>,
    /// By the hash of a place. What shares a hash shares the order.
    users: HashMap<u64, Users, BuildHasherDefault<Hashed>>,
    /// Those that claim areas, in their order.
    areas: Vec<TaskId>,
    /// All, in their order, and some that are finished.
    order: Vec<(u64, TaskId)>,
    added: u64,
    timers: BinaryHeap<Timer<J>>,
}

impl<J> Default for Schedule<J> {
    fn default() -> Self {
        Self {
            tasks: Vec::new(),
            free: Vec::new(),
            ready: VecDeque::new(),
            users: HashMap::default(),
            areas: Vec::new(),
            order: Vec::new(),
            added: 0,
            timers: BinaryHeap::new(),
        }
    }
}

impl<J> Schedule<J> {
    pub fn add(&mut self, claim: Claim, job: J) {
        let id = self.free.pop().unwrap_or_else(|| {
            self.tasks.push(None);
            self.tasks.len() - 1
        });
        // Of what claims areas each task waits for the last only, and looks for another when that is finished: else many lists
        // and many writes made at once would each know each other.
        let mut earlier: Vec<TaskId> = Vec::new();
        for place in claim.items() {
            let users = self.users.entry(place.hash).or_default();
            match claim.access() {
                Access::Read => {
                    earlier.extend(users.writer);
                    users.readers.push(id);
                }
                Access::Write => {
                    // Readers wait for the writer before them by themselves.
                    earlier.extend(users.writer.filter(|_| users.readers.is_empty()));
                    earlier.append(&mut users.readers);
                    users.writer = Some(id);
                }
            }
        }
        earlier.retain(|&other| other != id);
        if matches!(claim, Claim::Area(..)) {
            self.areas.push(id);
        }
        let number = self.added;
        self.added += 1;
        if self.order.len() > 2 * self.unfinished() + 16 {
            let tasks = &self.tasks;
            self.order.retain(|&(number, id)| tasks[id].as_ref().is_some_and(|task| task.number == number));
        }
        self.order.push((number, id));
        earlier.extend(self.last_in_the_way(number, &claim));
        let waits = earlier.len();
        for other in earlier {
            self.follow(other, id);
        }
        self.tasks[id] = Some(Task { job: Some(job), claim, number, waits, followers: Vec::new() });
        if waits == 0 {
            self.ready.push_back(id);
        }
    }

    /// The last task before `number` that meets the claim where one of the two is of an area.
    fn last_in_the_way(&self, number: u64, claim: &Claim) -> Option<TaskId> {
        match claim {
            Claim::Area(area, access) => {
                let earlier = &self.order[..self.order.partition_point(|&(other, _)| other < number)];
                let meets = |&&(other, id): &&(u64, TaskId)| match &self.tasks[id] {
                    Some(task) => task.number == other && task.claim.meets_area(area, *access),
                    None => false,
                };
                earlier.iter().rev().find(meets).map(|&(_, id)| id)
            }
            Claim::Nothing => None,
            Claim::Items(..) => self.areas.iter().copied().rev().find(|&id| match &self.tasks[id] {
                Some(Task { claim: Claim::Area(area, access), number: other, .. }) => {
                    *other < number && claim.meets_area(area, *access)
                }
                _ => false,
            }),
        }
    }

    fn follow(&mut self, task: TaskId, follower: TaskId) {
        if let Some(Some(task)) = self.tasks.get_mut(task) {
            task.followers.push(follower);
        }
    }

    pub fn add_timer(&mut self, at: Instant, job: J) {
        self.timers.push(Timer { at, job });
    }

    pub fn next_timer(&self) -> Option<Instant> {
        self.timers.peek().map(|timer| timer.at)
    }

    /// Makes what is due by `now` ready.
    pub fn advance(&mut self, now: Instant) {
        while self.next_timer().is_some_and(|at| at <= now)
            && let Some(timer) = self.timers.pop()
        {
            self.add(Claim::Nothing, timer.job);
        }
    }

    /// A task that may run; [`Schedule::finish`] must follow.
    pub fn take(&mut self) -> Option<(TaskId, J)> {
        let id = self.ready.pop_front()?;
        let job = self.tasks[id].as_mut()?.job.take()?;
        Some((id, job))
    }

    pub fn finish(&mut self, id: TaskId) {
        let Some(task) = self.tasks[id].take() else { return };
        self.free.push(id);
        for place in task.claim.items() {
            if let Entry::Occupied(mut entry) = self.users.entry(place.hash) {
                let users = entry.get_mut();
                users.writer = users.writer.filter(|&writer| writer != id);
                users.readers.retain(|&reader| reader != id);
                if users.writer.is_none() && users.readers.is_empty() {
                    entry.remove();
                }
            }
        }
        if matches!(task.claim, Claim::Area(..)) {
            self.areas.retain(|&area| area != id);
        }
        let of_area = matches!(task.claim, Claim::Area(..));
        for follower in task.followers {
            self.finished_before(follower, of_area);
        }
    }

    /// One of the tasks that `id` waits for is finished.
    fn finished_before(&mut self, id: TaskId, of_area: bool) {
        let Some(Some(task)) = self.tasks.get(id) else { return };
        let looks = of_area || matches!(task.claim, Claim::Area(..));
        let next = if looks { self.last_in_the_way(task.number, &task.claim) } else { None };
        if let Some(next) = next {
            self.follow(next, id);
        } else if let Some(Some(task)) = self.tasks.get_mut(id) {
            task.waits -= 1;
            if task.waits == 0 {
                self.ready.push_back(id);
            }
        }
    }

    /// How many tasks are not finished.
    pub fn unfinished(&self) -> usize {
        self.tasks.len() - self.free.len()
    }

    pub fn ready(&self) -> usize {
        self.ready.len()
    }

    /// No unfinished task writes to the place.
    pub fn is_free(&self, place: &Place) -> bool {
        self.users.get(&place.hash).is_none_or(|users| users.writer.is_none())
            && !self.areas.iter().any(|&area| match &self.tasks[area] {
                Some(Task { claim: Claim::Area(area, Access::Write), .. }) => area.covers(place),
                _ => false,
            })
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

/// The hash of what is a hash already.
#[derive(Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("only numbers are hashed");
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::sync::{Arc, Mutex};

    const PLACES: [&str; 8] = ["/a/1", "/a/2", "/a/b/1", "/a/b/2", "/a/b/c/1", "/d/1", "/d/2", "/ab"];
    const AREAS: [&str; 5] = ["/", "/a/", "/a/b/", "/d/", "/none/"];

    #[derive(Debug, Clone)]
    enum Step {
        Add(Vec<usize>, Access),
        AddArea(usize, Access),
        Take,
        Finish(usize),
    }

    fn access() -> impl Strategy<Value = Access> {
        prop_oneof![Just(Access::Read), Just(Access::Write)]
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (prop::collection::vec(0..PLACES.len(), 1..4), access()).prop_map(|(places, access)| Step::Add(places, access)),
            1 => (0..AREAS.len(), access()).prop_map(|(area, access)| Step::AddArea(area, access)),
            4 => Just(Step::Take),
            4 => any::<prop::sample::Index>().prop_map(|index| Step::Finish(index.index(64))),
        ]
    }

    fn conflict(one: &Claim, other: &Claim) -> bool {
        match (one, other) {
            _ if one.access() == Access::Read && other.access() == Access::Read => false,
            (Claim::Area(area, access), claim) | (claim, Claim::Area(area, access)) => claim.meets_area(area, *access),
            _ => one.items().iter().any(|place| other.items().contains(place)),
        }
    }

    proptest! {
        /// The model: a job may run when no earlier unfinished one touches what it touches.
        #[test]
        fn a_job_runs_when_no_earlier_one_is_in_its_way(steps in prop::collection::vec(step(), 1..120)) {
            let mut schedule: Schedule = Schedule::default();
            let started = Arc::new(Mutex::new(Vec::new()));
            let mut waiting: Vec<(usize, Claim)> = Vec::new();
            let mut running: Vec<(usize, Claim, TaskId)> = Vec::new();
            let mut next = 0;
            for step in steps.into_iter().chain((0..400).flat_map(|_| [Step::Take, Step::Finish(0)])) {
                match step {
                    Step::Add(..) | Step::AddArea(..) => {
                        let place = |name: &str| Place::new(name.as_bytes());
                        let claim = match step {
                            Step::Add(places, access) => {
                                Claim::Items(places.into_iter().map(|index| place(PLACES[index])).collect(), access)
                            }
                            Step::AddArea(area, access) => Claim::Area(place(AREAS[area]), access),
                            _ => Claim::Nothing,
                        };
                        let (number, started) = (next, Arc::clone(&started));
                        schedule.add(claim.clone(), Box::new(move || started.lock().unwrap().push(number)));
                        waiting.push((number, claim));
                        next += 1;
                    }
                    Step::Take => {
                        let free: Vec<usize> = waiting
                            .iter()
                            .filter(|(number, claim)| {
                                !running.iter().any(|(_, other, _)| conflict(claim, other))
                                    && !waiting.iter().any(|(earlier, other)| earlier < number && conflict(claim, other))
                            })
                            .map(|(number, _)| *number)
                            .collect();
                        prop_assert_eq!(schedule.ready(), free.len());
                        if let Some((id, job)) = schedule.take() {
                            job();
                            let number = *started.lock().unwrap().last().unwrap();
                            prop_assert!(free.contains(&number));
                            let index = waiting.iter().position(|(waits, _)| *waits == number).unwrap();
                            let (_, claim) = waiting.remove(index);
                            running.push((number, claim, id));
                        }
                    }
                    Step::Finish(index) => {
                        if !running.is_empty() {
                            let (_, _, id) = running.remove(index % running.len());
                            schedule.finish(id);
                        }
                    }
                }
                for name in PLACES {
                    let claim = Claim::Items([Place::new(name.as_bytes())].into(), Access::Read);
                    let taken = waiting.iter().map(|(_, other)| other).chain(running.iter().map(|(_, other, _)| other))
                        .any(|other| conflict(&claim, other));
                    prop_assert_eq!(schedule.is_free(&Place::new(name.as_bytes())), !taken);
                }
            }
            prop_assert_eq!(started.lock().unwrap().len(), next, "every job ran");
        }
    }
}
