//! A bounded cache in the memory of one thread: the item that was not used for longest goes first.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::{
    invalid,
    linked_map::{Index, LinkedMap},
    options::Callback,
};
use crate::{
    clock::Deadline,
    driver::{CallOptions, Capabilities, InlineDriver, Reason, Scope, Slot, Written},
    error::StorageError,
    key::Listing,
};

#[cfg(feature = "schema")]
const DISPOSE: &str = r#"(value: unknown, key: string, reason: "evict" | "set" | "delete" | "expire") => void"#;

#[derive(Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(extend("x-instance" = "Map<string, unknown>")))]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
#[allow(clippy::struct_excessive_bools, reason = "each is an option of lru-cache")]
pub struct LruCacheOptions {
    /// Most items kept; 0 stands for no limit.
    max: u64,
    /// Most that all sizes together may be; 0 stands for no limit.
    max_size: u64,
    /// Most that one item's size may be; a larger one is not kept. 0 stands for `maxSize`.
    max_entry_size: u64,
    /// Life of an item that comes without its own, in milliseconds.
    ttl: f64,
    /// An expired item is returned one last time.
    allow_stale: bool,
    /// Reading an item starts its life anew.
    update_age_on_get: bool,
    /// Asking for an item starts its life anew.
    update_age_on_has: bool,
    /// Taken, and always so: what is expired goes away by itself.
    ttl_autopurge: bool,
    /// Taken, and without effect: lives are kept to the millisecond.
    ttl_resolution: f64,
    /// The size of a value, where sizes count. By default the UTF-8 bytes of its text or the bytes of a raw value, and the
    /// length of its key.
    #[cfg_attr(feature = "schema", schemars(extend("x-type" = "(value: unknown, key: string) => number")))]
    size_calculation: Callback,
    /// Called with each value that leaves the cache, and why.
    #[cfg_attr(feature = "schema", schemars(extend("x-type" = DISPOSE)))]
    dispose: Callback,
}

impl Default for LruCacheOptions {
    fn default() -> Self {
        Self {
            max: 1000,
            max_size: 0,
            max_entry_size: 0,
            ttl: 0.0,
            allow_stale: false,
            update_age_on_get: false,
            update_age_on_has: false,
            ttl_autopurge: true,
            ttl_resolution: 1.0,
            size_calculation: Callback(false),
            dispose: Callback(false),
        }
    }
}

pub struct LruCache {
    entries: LinkedMap,
    options: LruCacheOptions,
    /// The lives in milliseconds of entries that came with one of their own, where asking starts lives anew. An entry's place is
    /// used again only by a write, which says what holds there.
    lives: HashMap<Index, f64>,
}

impl LruCache {
    /// Refuses what lru-cache refuses: a negative life, and no limit at all.
    pub fn new(options: LruCacheOptions) -> Result<Self, StorageError> {
        if options.ttl < 0.0 {
            return Err(invalid("lru-cache", "the option `ttl` must not be negative".into()));
        }
        if options.max == 0 && options.max_size == 0 && options.ttl == 0.0 {
            return Err(invalid("lru-cache", "one of the options `max`, `maxSize` and `ttl` is required".into()));
        }
        Ok(Self { entries: LinkedMap::default(), options, lives: HashMap::new() })
    }

    fn is_over(&self) -> bool {
        self.options.max != 0 && self.entries.len() as u64 > self.options.max
            || self.options.max_size != 0 && self.entries.size() > self.options.max_size
    }

    fn renew(&mut self, index: Index, scope: &Scope) {
        let deadline = match self.lives.get(&index) {
            Some(&life) => scope.clock.deadline(life),
            None => self.own_deadline(scope),
        };
        self.entries.set_deadline(index, deadline);
    }

    fn keep_life(&mut self, index: Index, life: f64) {
        if !self.options.update_age_on_get && !self.options.update_age_on_has {
            return;
        }
        if life == 0.0 {
            self.lives.remove(&index);
        } else {
            self.lives.insert(index, life);
        }
    }

    /// The package drops what is older than its ttl, and not yet what is as old.
    fn own_deadline(&self, scope: &Scope) -> Deadline {
        if self.options.ttl > 0.0 { scope.clock.deadline(self.options.ttl + 1.0) } else { 0 }
    }
}

impl InlineDriver for LruCache {
    fn name(&self) -> &'static str {
        "lru-cache"
    }

    fn capabilities(&self) -> Capabilities {
        let sized = self.options.dispose.0 || self.options.max_size != 0 || self.options.max_entry_size != 0;
        Capabilities { ttl: true, max_depth: true, sized }
    }

    fn get(&mut self, key: &[u8], scope: &mut Scope) -> Option<Slot> {
        let index = self.entries.find(key)?;
        let slot = self.entries.slot(index);
        if self.entries.is_expired(index, scope) {
            self.entries.remove(index, Reason::Expire, scope);
            return self.options.allow_stale.then_some(slot);
        }
        self.entries.move_to_newest(index);
        if self.options.update_age_on_get {
            self.renew(index, scope);
        }
        Some(slot)
    }

    fn has(&mut self, key: &[u8], scope: &mut Scope) -> bool {
        let Some(index) = self.entries.find_alive(key, scope) else {
            return false;
        };
        if self.options.update_age_on_has {
            self.renew(index, scope);
        }
        true
    }

    fn set(&mut self, key: &[u8], options: CallOptions, scope: &mut Scope) -> Written {
        let most = if self.options.max_entry_size == 0 { self.options.max_size } else { self.options.max_entry_size };
        if most != 0 && options.size > most {
            if let Some(index) = self.entries.find(key) {
                self.entries.remove(index, Reason::Set, scope);
            }
            return Written::Dropped;
        }
        let index = self.entries.insert(key, scope);
        let deadline = if options.ttl == 0.0 { self.own_deadline(scope) } else { scope.clock.deadline(options.ttl) };
        self.keep_life(index, options.ttl);
        self.entries.move_to_newest(index);
        self.entries.set_deadline(index, deadline);
        self.entries.set_size(index, options.size);
        if !self.is_over() {
            return Written::Slot(self.entries.slot(index));
        }
        self.sweep(scope, usize::MAX);
        while self.is_over() {
            match self.entries.oldest() {
                Some(oldest) if oldest != index => self.entries.remove(oldest, Reason::Evict, scope),
                _ => break,
            }
        }
        // An item whose life is over at once was swept.
        self.entries.find(key).map_or(Written::Dropped, |index| Written::Slot(self.entries.slot(index)))
    }

    fn remove(&mut self, key: &[u8], scope: &mut Scope) -> bool {
        let index = self.entries.find(key);
        if let Some(index) = index {
            self.entries.remove(index, Reason::Delete, scope);
        }
        index.is_some()
    }

    fn keys(&mut self, listing: &Listing, scope: &mut Scope, emit: &mut dyn FnMut(&[u8])) {
        self.sweep(scope, usize::MAX);
        self.entries.keys_newest_first().filter(|key| listing.accepts(key)).for_each(emit);
    }

    fn generation(&self) -> u64 {
        self.entries.generation()
    }

    fn is_timed(&self) -> bool {
        self.entries.is_timed() && !self.options.allow_stale
    }

    fn sweep(&mut self, scope: &mut Scope, most: usize) -> Option<u64> {
        // Stale items wait for somebody who asks, or for their place to be needed.
        if self.options.allow_stale { None } else { self.entries.sweep(scope, most) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{clock::Clock, driver::Slots};

    #[test]
    fn the_least_recently_used_goes_first() {
        let mut cache = LruCache::new(serde_json::from_str(r#"{"max":2}"#).unwrap()).unwrap();
        let (mut slots, clock) = (Slots::default(), Clock::default());
        let mut scope = Scope { slots: &mut slots, clock: &clock };
        cache.set(b"a", CallOptions::default(), &mut scope);
        cache.set(b"b", CallOptions::default(), &mut scope);
        cache.get(b"a", &mut scope);
        cache.set(b"c", CallOptions::default(), &mut scope);
        assert!(!cache.has(b"b", &mut scope));
        let mut keys = Vec::new();
        cache.keys(&Listing::default(), &mut scope, &mut |key| keys.push(key.to_vec()));
        assert_eq!(keys, [b"c", b"a"]);
    }

    #[test]
    fn what_is_larger_than_an_entry_may_be_is_not_kept() {
        let mut cache = LruCache::new(serde_json::from_str(r#"{"maxSize":10,"maxEntrySize":5}"#).unwrap()).unwrap();
        let (mut slots, clock) = (Slots::default(), Clock::default());
        let mut scope = Scope { slots: &mut slots, clock: &clock };
        cache.set(b"a", CallOptions { ttl: 0.0, size: 5 }, &mut scope);
        assert_eq!(cache.set(b"a", CallOptions { ttl: 0.0, size: 6 }, &mut scope), Written::Dropped);
        assert!(!cache.has(b"a", &mut scope));
    }
}
