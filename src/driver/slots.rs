//! Slots: where JavaScript keeps the values of in-memory drivers.

use std::mem;

/// An index into JavaScript's array of values.
pub type Slot = u32;

/// Why a slot was released; js/native.js has the same list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// A limit was reached.
    Evict,
    Delete,
    Expire,
    /// A value that is not kept took its place.
    Set,
}

/// The slots of one thread. A released slot is not given out again before [`Slots::take_released`] handed it to
/// JavaScript, which then drops the value.
#[derive(Debug, Default)]
pub struct Slots {
    next: Slot,
    free: Vec<Slot>,
    released: Vec<(Slot, Reason)>,
}

impl Slots {
    pub fn acquire(&mut self) -> Slot {
        self.free.pop().unwrap_or_else(|| {
            self.next += 1;
            self.next - 1
        })
    }

    pub fn release(&mut self, slot: Slot, reason: Reason) {
        self.released.push((slot, reason));
    }

    pub fn released(&self) -> usize {
        self.released.len()
    }

    pub fn take_released(&mut self) -> Vec<(Slot, Reason)> {
        let released = mem::take(&mut self.released);
        self.free.extend(released.iter().map(|&(slot, _)| slot));
        if self.free.len() == self.next as usize {
            // The memory of what once was many comes back.
            *self = Self::default();
        }
        released
    }

    /// How many slots were ever given out since the last time that all were free.
    pub fn count(&self) -> Slot {
        self.next
    }
}
