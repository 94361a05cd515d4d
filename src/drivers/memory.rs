//! Items in the memory of one thread, in the order in which they were first written.

use serde::{Deserialize, Serialize};

use super::linked_map::LinkedMap;
use crate::{
    driver::{CallOptions, Capabilities, InlineDriver, Reason, Scope, Slot, Written},
    key::Listing,
};

#[derive(Debug, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(extend("x-instance" = "Map<string, unknown>")))]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct MemoryOptions {
    /// Most items kept; the ones written first go first. Unbounded by default.
    max_entries: Option<u64>,
    /// Most bytes kept, keys and values together; the items written first go first. Unbounded by default.
    max_bytes: Option<u64>,
}

pub struct Memory {
    entries: LinkedMap,
    options: MemoryOptions,
}

impl Memory {
    pub fn new(options: MemoryOptions) -> Self {
        Self { entries: LinkedMap::default(), options }
    }

    fn is_over(&self) -> bool {
        self.options.max_entries.is_some_and(|max| self.entries.len() as u64 > max)
            || self.options.max_bytes.is_some_and(|max| self.entries.size() > max)
    }
}

impl InlineDriver for Memory {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { ttl: true, max_depth: true, sized: self.options.max_bytes.is_some() }
    }

    fn get(&mut self, key: &[u8], scope: &mut Scope) -> Option<Slot> {
        self.entries.find_alive(key, scope).map(|index| self.entries.slot(index))
    }

    fn has(&mut self, key: &[u8], scope: &mut Scope) -> bool {
        self.entries.find_alive(key, scope).is_some()
    }

    fn set(&mut self, key: &[u8], options: CallOptions, scope: &mut Scope) -> Written {
        let too_many = self.options.max_entries == Some(0);
        if too_many || self.options.max_bytes.is_some_and(|max| options.size > max) {
            return Written::TooLarge;
        }
        let index = self.entries.insert(key, scope);
        self.entries.set_deadline(index, scope.clock.deadline(options.ttl));
        self.entries.set_size(index, options.size);
        if !self.is_over() {
            return Written::Slot(self.entries.slot(index));
        }
        self.entries.sweep(scope, usize::MAX);
        while self.is_over() {
            match self.entries.oldest() {
                // A larger value may be written over the oldest item, which then is the one to keep.
                Some(oldest) if oldest == index => self.entries.move_to_newest(index),
                Some(oldest) => self.entries.remove(oldest, Reason::Evict, scope),
                None => break,
            }
        }
        // An item whose life is over at once was swept.
        self.entries.find(key).map_or(Written::Dropped, |index| Written::Slot(self.entries.slot(index)))
    }

    fn remove(&mut self, key: &[u8], scope: &mut Scope) -> bool {
        let index = self.entries.find_alive(key, scope);
        if let Some(index) = index {
            self.entries.remove(index, Reason::Delete, scope);
        }
        index.is_some()
    }

    fn keys(&mut self, listing: &Listing, scope: &mut Scope, emit: &mut dyn FnMut(&[u8])) {
        self.entries.sweep(scope, usize::MAX);
        self.entries.keys().filter(|key| listing.accepts(key)).for_each(emit);
    }

    fn generation(&self) -> u64 {
        self.entries.generation()
    }

    fn is_timed(&self) -> bool {
        self.entries.is_timed()
    }

    fn sweep(&mut self, scope: &mut Scope, most: usize) -> Option<u64> {
        self.entries.sweep(scope, most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{clock::Clock, driver::Slots};

    fn filled(options: &str, keys: &[(&str, f64, u64)]) -> (Memory, Slots, Clock) {
        let mut memory = Memory::new(serde_json::from_str(options).unwrap());
        let (mut slots, mut clock) = (Slots::default(), Clock::default());
        clock.fix(Some(0));
        for &(key, ttl, size) in keys {
            let mut scope = Scope { slots: &mut slots, clock: &clock };
            memory.set(key.as_bytes(), CallOptions { ttl, size }, &mut scope);
        }
        (memory, slots, clock)
    }

    fn keys(memory: &mut Memory, slots: &mut Slots, clock: &Clock) -> Vec<String> {
        let mut keys = Vec::new();
        memory.keys(&Listing::default(), &mut Scope { slots, clock }, &mut |key| {
            keys.push(String::from_utf8(key.into()).unwrap());
        });
        keys
    }

    #[test]
    fn insertion_order_survives_overwriting() {
        let (mut memory, mut slots, clock) = filled("{}", &[("a", 0.0, 0), ("b", 0.0, 0), ("a", 0.0, 0)]);
        assert_eq!(keys(&mut memory, &mut slots, &clock), ["a", "b"]);
    }

    #[test]
    fn expired_entries_go_away_and_release_their_slots() {
        let (mut memory, mut slots, mut clock) = filled("{}", &[("a", 10.0, 0), ("b", 20.0, 0), ("c", -1.0, 0)]);
        clock.fix(Some(10));
        assert_eq!(keys(&mut memory, &mut slots, &clock), ["b"]);
        assert_eq!(memory.sweep(&mut Scope { slots: &mut slots, clock: &clock }, usize::MAX), Some(10));
        assert_eq!(slots.take_released().len(), 2);
    }

    #[test]
    fn limits_drop_the_oldest_and_refuse_what_never_fits() {
        let (mut memory, mut slots, clock) =
            filled(r#"{"maxEntries":2}"#, &[("a", 0.0, 0), ("b", 0.0, 0), ("c", 0.0, 0)]);
        assert_eq!(keys(&mut memory, &mut slots, &clock), ["b", "c"]);
        let (mut memory, mut slots, clock) =
            filled(r#"{"maxBytes":10}"#, &[("a", 0.0, 4), ("b", 0.0, 4), ("a", 0.0, 8)]);
        assert_eq!(keys(&mut memory, &mut slots, &clock), ["a"]);
        let mut scope = Scope { slots: &mut slots, clock: &clock };
        assert_eq!(memory.set(b"a", CallOptions { ttl: 0.0, size: 11 }, &mut scope), Written::TooLarge);
        assert_eq!(keys(&mut memory, &mut slots, &clock), ["a"]);
    }
}
