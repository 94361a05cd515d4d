//! Who waits for whom: each task for the earlier ones that touch what it touches, and for no others.
//!
//! Places lie in each other as paths do, so a task is entered at its own place and at all folders above it, in one of four
//! roles. At each it waits for the earlier ones in roles that its own does not go with. Those of one role count as one
//! group until something waits for them: so thousands of lists and writes know a group each, and not each other.

use std::{
    collections::{HashMap, hash_map::Entry},
    hash::{BuildHasherDefault, Hasher},
};

use slab::Slab;
use smallvec::SmallVec;

use super::claim::{Access, Place};

pub type TaskId = usize;
pub type GroupId = usize;

/// Tasks wait only for earlier ones, so some task can always run: there is no deadlock.
#[derive(Default)]
pub struct Order {
    groups: Slab<Group>,
    nodes: HashMap<u64, Node, BuildHasherDefault<Hashed>>,
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

impl Order {
    /// Lets a task wait for the earlier ones, and says for how many groups.
    pub fn wait(&mut self, id: TaskId, places: &[Place], access: Access) -> usize {
        let mut waits = 0;
        for (hash, role) in places.iter().flat_map(|place| entries(place, access)) {
            for group in self.rivals(hash, role) {
                if let Some(group) = self.groups.get_mut(group) {
                    group.followers.push(id);
                    waits += 1;
                }
            }
        }
        waits
    }

    /// Lets later tasks wait for one that claims the places, until it has left each of the groups that it joins here.
    pub fn enter(&mut self, places: &[Place], access: Access) -> impl Iterator<Item = GroupId> {
        places.iter().flat_map(move |place| entries(place, access)).map(move |(hash, role)| self.join(hash, role))
    }

    /// No task writes to the place.
    pub fn is_free(&self, place: &Place) -> bool {
        entries(place, Access::Read).all(|(hash, role)| self.rivals(hash, role).is_empty())
    }

    #[cfg(test)]
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty() && self.nodes.is_empty()
    }

    /// The groups that a task in this role would wait for.
    fn rivals(&self, hash: u64, role: Role) -> SmallVec<[GroupId; Role::COUNT]> {
        let Some(node) = self.nodes.get(&hash) else { return SmallVec::new() };
        role.rivals().iter().filter_map(|&rival| node.0[rival as usize]).collect()
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

    /// One of the group is finished. `passed` hears of each task that has a group less to wait for.
    pub fn leave(&mut self, id: GroupId, mut passed: impl FnMut(TaskId)) {
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
            followers.into_iter().for_each(&mut passed);
            left = next;
        }
    }
}

/// What a task that claims the place is entered at, and in which role.
fn entries(place: &Place, access: Access) -> impl Iterator<Item = (u64, Role)> {
    let (inside, whole) = match access {
        Access::Read => (Role::ReadsInside, Role::Reads),
        Access::Write => (Role::WritesInside, Role::Writes),
    };
    let last = place.way().len().saturating_sub(1);
    place.way().iter().enumerate().map(move |(index, &hash)| (hash, if index == last { whole } else { inside }))
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
