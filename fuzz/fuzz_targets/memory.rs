//! Random calls of the memory driver against a plain list: which keys it holds, in which order, and which slots it owns.
#![no_main]

use std::collections::HashSet;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use rustorage::{
    clock::Clock,
    driver::{CallOptions, InlineDriver, Scope, Slot, Slots, Written},
    drivers::Memory,
    key::Listing,
};

#[derive(Debug, Arbitrary)]
struct Input {
    max_entries: Option<u8>,
    max_bytes: Option<u8>,
    steps: Vec<Step>,
}

#[derive(Debug, Arbitrary)]
enum Step {
    Set { key: u8, ttl: i8, size: u8 },
    Get { key: u8 },
    Remove { key: u8 },
    Pass { milliseconds: u8 },
    Sweep,
    List,
    TakeReleased,
}

struct Item {
    key: u8,
    slot: Slot,
    size: u64,
    deadline: Option<u64>,
}

fuzz_target!(|input: Input| {
    let limits = serde_json::json!({ "maxEntries": input.max_entries, "maxBytes": input.max_bytes });
    let mut memory = Memory::new(serde_json::from_value(limits).expect("valid options"));
    let (mut slots, mut clock, mut now) = (Slots::default(), Clock::default(), 0);
    clock.fix(Some(now));
    let mut items: Vec<Item> = Vec::new();
    let mut released: HashSet<Slot> = HashSet::new();
    for step in input.steps {
        let mut scope = Scope { slots: &mut slots, clock: &clock };
        match step {
            Step::Set { key, ttl, size } => {
                let (ttl, size) = (f64::from(ttl), u64::from(size));
                expire(&mut items, now);
                let fits = input.max_entries != Some(0) && input.max_bytes.is_none_or(|most| size <= u64::from(most));
                match memory.set(&[key], CallOptions { ttl, size }, &mut scope) {
                    Written::TooLarge => assert!(!fits),
                    // What expires at once is swept to make room.
                    Written::Dropped => {
                        assert!(fits && ttl < 0.0);
                        items.retain(|item| item.key != key);
                        limit(&mut items, key, input.max_entries, input.max_bytes, now);
                    }
                    Written::Slot(slot) => {
                        assert!(fits && !released.contains(&slot));
                        let deadline = (ttl != 0.0).then(|| now + ttl.max(0.0) as u64);
                        let item = Item { key, slot, size, deadline };
                        match items.iter_mut().find(|item| item.key == key) {
                            Some(known) => {
                                assert_eq!(known.slot, slot);
                                *known = item;
                            }
                            None => items.push(item),
                        }
                        limit(&mut items, key, input.max_entries, input.max_bytes, now);
                    }
                }
            }
            Step::Get { key } => {
                expire(&mut items, now);
                let expected = items.iter().find(|item| item.key == key).map(|item| item.slot);
                assert_eq!(memory.get(&[key], &mut scope), expected);
                assert_eq!(memory.has(&[key], &mut scope), expected.is_some());
            }
            Step::Remove { key } => {
                expire(&mut items, now);
                let known = items.iter().position(|item| item.key == key);
                assert_eq!(memory.remove(&[key], &mut scope), known.is_some());
                known.map(|place| items.remove(place));
            }
            Step::Pass { milliseconds } => {
                now += u64::from(milliseconds);
                clock.fix(Some(now));
            }
            Step::Sweep => {
                expire(&mut items, now);
                let next = items.iter().filter_map(|item| item.deadline).min().map(|deadline| deadline - now);
                assert_eq!(memory.sweep(&mut scope, usize::MAX), next);
            }
            Step::List => {
                expire(&mut items, now);
                let mut keys = Vec::new();
                let everything = Listing { hidden: true, ..Listing::default() };
                memory.keys(&everything, &mut scope, &mut |key| keys.push(key[0]));
                assert_eq!(keys, items.iter().map(|item| item.key).collect::<Vec<_>>());
            }
            Step::TakeReleased => {
                released = slots.take_released().into_iter().map(|(slot, _)| slot).collect();
                assert!(items.iter().all(|item| is_expired(item, now) || !released.contains(&item.slot)));
                released.clear();
            }
        }
    }
});

fn is_expired(item: &Item, now: u64) -> bool {
    item.deadline.is_some_and(|deadline| deadline <= now)
}

fn expire(items: &mut Vec<Item>, now: u64) {
    items.retain(|item| !is_expired(item, now));
}

/// The item written first goes first; the one that was just written stays.
fn limit(items: &mut Vec<Item>, written: u8, max_entries: Option<u8>, max_bytes: Option<u8>, now: u64) {
    let is_over = |items: &[Item]| {
        let size: u64 = items.iter().map(|item| item.size).sum();
        max_entries.is_some_and(|most| items.len() > most.into()) || max_bytes.is_some_and(|most| size > most.into())
    };
    if is_over(items) {
        expire(items, now);
    }
    while is_over(items) {
        if items[0].key == written {
            let item = items.remove(0);
            items.push(item);
        } else {
            items.remove(0);
        }
    }
}
