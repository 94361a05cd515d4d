//! Which jobs may run: each waits for the earlier ones that touch what it touches, and for no others.
//!
//! Places lie in each other as paths do, so a job is entered at its own place and at all folders above it, in one of four
//! roles. At each it waits for the earlier ones in roles that its own does not go with. Those of one role count as one
//! group until something waits for them: so thousands of lists and writes know a group each, and not each other.

use std::{
    collections::{BinaryHeap, HashMap, VecDeque, hash_map::Entry},
    hash::{BuildHasher, BuildHasherDefault, Hasher},
    mem,
    time::Instant,
};

use foldhash::fast::FixedState;
use slab::Slab;
use smallvec::SmallVec;

pub type TaskId = usize;

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

/// Where an item lies, in words that all share who share a schedule: two drivers over one folder name a file alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The hashes of what it lies in, from the outermost, and last its own. What shares a hash shares the order.
    way: SmallVec<[u64; 12]>,
}

impl Place {
    /// A name in parts, each with what ends it. It stands for all that begins with the same parts.
    pub fn new<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut hasher = FixedState::default().build_hasher();
        let hash = |part: &[u8]| {
            hasher.write(part);
            hasher.finish()
        };
        Self { way: parts.into_iter().map(hash).collect() }
    }

    /// What all paths begin with that begin so, if it ends with a `/`.
    pub fn of_path(path: &[u8]) -> Self {
        Self::new(path.split_inclusive(|&byte| byte == b'/'))
    }

    /// What it is entered at, and in which role.
    fn entries(&self, access: Access) -> impl Iterator<Item = (u64, Role)> {
        let (inside, whole) = match access {
            Access::Read => (Role::ReadsInside, Role::Reads),
            Access::Write => (Role::WritesInside, Role::Writes),
        };
        let last = self.way.len().saturating_sub(1);
        self.way.iter().enumerate().map(move |(index, &hash)| (hash, if index == last { whole } else { inside }))
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
pub enum Claim {
    Nothing,
    Places(Places, Access),
    /// What it touches has yet to be looked up: that is done when there is something else that it can meet.
    Later(Lookup, Access),
}

pub type Lookup = Box<dyn FnOnce() -> Places + Send>;

impl Claim {
    fn writes(&self) -> bool {
        matches!(self, Self::Places(_, Access::Write) | Self::Later(_, Access::Write))
    }
}

/// What a task does at a place or folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    ReadsInside,
    WritesInside,
    Reads,
    Writes,
}

impl Role {
    const COUNT: usize = 4;

    /// The roles that it waits for.
    fn rivals(self) -> &'static [Self] {
        match self {
            Self::ReadsInside => &[Self::Writes],
            Self::WritesInside => &[Self::Reads, Self::Writes],
            Self::Reads => &[Self::WritesInside, Self::Writes],
            Self::Writes => &[Self::ReadsInside, Self::WritesInside, Self::Reads, Self::Writes],
        }
    }
}

/// A place or folder that unfinished tasks are entered at: the last group of each role.
#[derive(Default)]
struct Node([Option<GroupId>; Role::COUNT]);

type GroupId = usize;

/// Unfinished tasks of one role at one node. It takes in no more once something waits for it.
struct Group {
    hash: u64,
    role: Role,
    /// How many of its tasks are not finished, and one more for the group before it.
    unfinished: usize,
    /// What waits for it, and so for those before it.
    followers: Vec<TaskId>,
    next: Option<GroupId>,
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

/// Tasks wait only for earlier ones, so some task can always run: there is no deadlock.
pub struct Schedule<J = Job> {
    tasks: Slab<Task<J>>,
    groups: Slab<Group>,
    nodes: HashMap<u64, Node, BuildHasherDefault<Hashed>>,
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
            groups: Slab::new(),
            nodes: HashMap::default(),
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
        let mut waits = 0;
        for (hash, role) in places.iter().flat_map(|place| place.entries(access)) {
            for group in self.rivals(hash, role) {
                if let Some(group) = self.groups.get_mut(group) {
                    group.followers.push(id);
                    waits += 1;
                }
            }
        }
        if let Some(task) = self.tasks.get_mut(id) {
            task.waits = waits;
        }
        // It must not wait for itself, so it is entered after all that.
        self.enter(id, places, access);
    }

    /// The groups that a task in this role would wait for.
    fn rivals(&self, hash: u64, role: Role) -> SmallVec<[GroupId; Role::COUNT]> {
        let Some(node) = self.nodes.get(&hash) else { return SmallVec::new() };
        role.rivals().iter().filter_map(|&rival| node.0[rival as usize]).collect()
    }

    fn enter(&mut self, id: TaskId, places: &[Place], access: Access) {
        for (hash, role) in places.iter().flat_map(|place| place.entries(access)) {
            let group = self.join(hash, role);
            if let Some(task) = self.tasks.get_mut(id) {
                task.groups.push(group);
            }
        }
    }

    /// Counts one more in the last group of the role, or in a new one after it.
    fn join(&mut self, hash: u64, role: Role) -> GroupId {
        let last = &mut self.nodes.entry(hash).or_default().0[role as usize];
        if let Some(id) = *last
            && let Some(group) = self.groups.get_mut(id)
            && group.followers.is_empty()
        {
            group.unfinished += 1;
            return id;
        }
        let unfinished = 1 + usize::from(last.is_some());
        let id = self.groups.insert(Group { hash, role, unfinished, followers: Vec::new(), next: None });
        if let Some(before) = last.replace(id).and_then(|before| self.groups.get_mut(before)) {
            before.next = Some(id);
        }
        id
    }

    /// One of the group is finished.
    fn leave(&mut self, id: GroupId) {
        let mut left = Some(id);
        while let Some(id) = left.take() {
            let Some(group) = self.groups.get_mut(id) else { return };
            group.unfinished -= 1;
            if group.unfinished > 0 {
                return;
            }
            let Some(Group { hash, role, followers, next, .. }) = self.groups.try_remove(id) else { return };
            if let Entry::Occupied(mut node) = self.nodes.entry(hash) {
                let last = &mut node.get_mut().0[role as usize];
                *last = last.filter(|&last| last != id);
                if node.get().0.iter().all(Option::is_none) {
                    node.remove();
                }
            }
            for follower in followers {
                let Some(task) = self.tasks.get_mut(follower) else { continue };
                task.waits -= 1;
                if task.waits == 0 {
                    self.ready[task.class as usize].push_back(follower);
                }
            }
            left = next;
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
        for group in task.groups {
            self.leave(group);
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
        place.entries(Access::Read).all(|(hash, role)| self.rivals(hash, role).is_empty())
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
            prop_assert!(schedule.nodes.is_empty() && schedule.groups.is_empty() && schedule.tasks.is_empty());
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
        assert!(schedule.tasks.is_empty() && schedule.groups.is_empty());
    }
}
