//! Keys in an order, each with its slot, size and deadline: what memory and lru-cache are made of.

use std::{collections::BTreeSet, hash::BuildHasher};

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use smallvec::SmallVec;

use crate::{
    clock::Deadline,
    driver::{Reason, Scope, Slot},
};

/// An entry's place; valid until the entry is removed.
pub type Index = u32;

const NONE: Index = Index::MAX;
/// A map of so many entries keeps its memory when it is emptied.
const SMALL: usize = 1024;

/// Usual keys stand beside what is known of them, and a node fills a line of the processor's cache.
type NodeKey = SmallVec<[u8; 24]>;

#[repr(align(64))]
struct Node {
    key: NodeKey,
    slot: Slot,
    previous: Index,
    next: Index,
    deadline: Deadline,
    size: u64,
}

/// A hash table over a doubly linked list: every operation but a listing takes constant time.
pub struct LinkedMap {
    table: HashTable<Index>,
    nodes: Vec<Node>,
    free: Vec<Index>,
    oldest: Index,
    newest: Index,
    hasher: RandomState,
    deadlines: BTreeSet<(Deadline, Index)>,
    size: u64,
    generation: u64,
}

impl Default for LinkedMap {
    fn default() -> Self {
        Self {
            table: HashTable::new(),
            nodes: Vec::new(),
            free: Vec::new(),
            oldest: NONE,
            newest: NONE,
            hasher: RandomState::default(),
            deadlines: BTreeSet::new(),
            size: 0,
            generation: 0,
        }
    }
}

impl LinkedMap {
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// The sizes of all entries together.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Changes with the keys and their order.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The key's entry, expired or not.
    pub fn find(&self, key: &[u8]) -> Option<Index> {
        self.find_hashed(self.hasher.hash_one(key), key)
    }

    fn find_hashed(&self, hash: u64, key: &[u8]) -> Option<Index> {
        self.table.find(hash, |&index| *self.node(index).key == *key).copied()
    }

    /// The key's entry if it is alive; an expired one is removed.
    pub fn find_alive(&mut self, key: &[u8], scope: &mut Scope) -> Option<Index> {
        let index = self.find(key)?;
        if self.is_expired(index, scope) {
            self.remove(index, Reason::Expire, scope);
            return None;
        }
        Some(index)
    }

    pub fn is_expired(&self, index: Index, scope: &Scope) -> bool {
        let deadline = self.node(index).deadline;
        deadline != 0 && deadline <= scope.clock.now()
    }

    pub fn slot(&self, index: Index) -> Slot {
        self.node(index).slot
    }

    /// Finds the key's entry or makes it, as the newest. An expired one is gone, and made anew.
    pub fn insert(&mut self, key: &[u8], scope: &mut Scope) -> Index {
        let hash = self.hasher.hash_one(key);
        if let Some(index) = self.find_hashed(hash, key) {
            if !self.is_expired(index, scope) {
                return index;
            }
            self.remove(index, Reason::Expire, scope);
        }
        let node = Node {
            key: NodeKey::from_slice(key),
            slot: scope.slots.acquire(),
            previous: NONE,
            next: NONE,
            deadline: 0,
            size: 0,
        };
        let index = if let Some(index) = self.free.pop() {
            self.nodes[index as usize] = node;
            index
        } else {
            self.nodes.push(node);
            Index::try_from(self.nodes.len() - 1).expect("fewer than 2^32 entries fit into memory")
        };
        let Self { table, nodes, hasher, .. } = self;
        table.insert_unique(hash, index, |&index| hasher.hash_one(&*nodes[index as usize].key));
        self.link_newest(index);
        index
    }

    /// Some entry has a deadline.
    pub fn is_timed(&self) -> bool {
        !self.deadlines.is_empty()
    }

    pub fn set_deadline(&mut self, index: Index, deadline: Deadline) {
        let old = std::mem::replace(&mut self.nodes[index as usize].deadline, deadline);
        if old == deadline {
            return;
        }
        if old != 0 {
            self.deadlines.remove(&(old, index));
        }
        if deadline != 0 {
            self.deadlines.insert((deadline, index));
        }
    }

    pub fn set_size(&mut self, index: Index, size: u64) {
        let old = std::mem::replace(&mut self.nodes[index as usize].size, size);
        self.size = self.size - old + size;
    }

    pub fn move_to_newest(&mut self, index: Index) {
        if self.newest != index {
            self.unlink(index);
            self.link_newest(index);
        }
    }

    pub fn oldest(&self) -> Option<Index> {
        (self.oldest != NONE).then_some(self.oldest)
    }

    /// Removes the entry and releases its slot.
    pub fn remove(&mut self, index: Index, reason: Reason, scope: &mut Scope) {
        let hash = self.hasher.hash_one(&*self.node(index).key);
        if let Ok(entry) = self.table.find_entry(hash, |&other| other == index) {
            entry.remove();
        }
        self.unlink(index);
        self.set_deadline(index, 0);
        self.set_size(index, 0);
        scope.slots.release(self.node(index).slot, reason);
        self.nodes[index as usize].key = NodeKey::default();
        self.free.push(index);
        if self.table.is_empty() && self.nodes.len() > SMALL {
            // The memory of what once was many comes back.
            (self.table, self.nodes, self.free) = (HashTable::new(), Vec::new(), Vec::new());
        }
    }

    /// Removes what is expired, but no more than `most` entries; the milliseconds until the next entry expires.
    pub fn sweep(&mut self, scope: &mut Scope, mut most: usize) -> Option<u64> {
        let now = scope.clock.now();
        while let Some(&(deadline, index)) = self.deadlines.first() {
            if deadline > now || most == 0 {
                return Some(deadline.saturating_sub(now));
            }
            self.remove(index, Reason::Expire, scope);
            most -= 1;
        }
        None
    }

    /// From the oldest entry to the newest.
    pub fn keys(&self) -> impl Iterator<Item = &[u8]> {
        self.walk(self.oldest, |node| node.next)
    }

    /// From the newest entry to the oldest.
    pub fn keys_newest_first(&self) -> impl Iterator<Item = &[u8]> {
        self.walk(self.newest, |node| node.previous)
    }

    fn walk(&self, start: Index, next: impl Fn(&Node) -> Index) -> impl Iterator<Item = &[u8]> {
        let mut at = start;
        std::iter::from_fn(move || {
            let node = self.nodes.get(at as usize)?;
            at = next(node);
            Some(&*node.key)
        })
    }

    fn node(&self, index: Index) -> &Node {
        &self.nodes[index as usize]
    }

    fn link_newest(&mut self, index: Index) {
        self.generation += 1;
        let newest = std::mem::replace(&mut self.newest, index);
        let node = &mut self.nodes[index as usize];
        (node.previous, node.next) = (newest, NONE);
        match self.nodes.get_mut(newest as usize) {
            Some(node) => node.next = index,
            None => self.oldest = index,
        }
    }

    fn unlink(&mut self, index: Index) {
        self.generation += 1;
        let Node { previous, next, .. } = *self.node(index);
        match self.nodes.get_mut(previous as usize) {
            Some(node) => node.next = next,
            None => self.oldest = next,
        }
        match self.nodes.get_mut(next as usize) {
            Some(node) => node.previous = previous,
            None => self.newest = previous,
        }
    }
}
