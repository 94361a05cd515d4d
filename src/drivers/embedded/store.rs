//! What a database has to do: the rest, order, group commit, sweeping, is the same for all of them.

use std::{path::Path, sync::Arc};

use super::database::Registry;
use crate::{
    driver::Fields,
    error::{Cause, Failure},
    key::Listing,
};

/// What a read found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Found {
    Nothing,
    /// A value, which was given.
    Given,
    /// Something of more bytes than were asked for. It was not read.
    Large,
}

/// How an item is written, beside its value.
#[derive(Debug, Clone, Copy, Default)]
pub struct Manner {
    /// By setItemRaw.
    pub raw: bool,
    /// In milliseconds since 1970.
    pub expires: Option<u64>,
}

/// The items as they were at one moment, less those that have expired.
pub trait View {
    fn has(&self, key: &[u8]) -> Result<bool, Cause>;
    /// Gives the item's value to `give`, if it has no more than `most` bytes. `raw`: for getItemRaw.
    fn get(&self, key: &[u8], raw: bool, most: usize, give: &mut dyn FnMut(&[u8])) -> Result<Found, Cause>;
    fn meta(&self, key: &[u8]) -> Result<Fields, Cause>;
    /// The keys that `listing` accepts.
    fn keys(&self, listing: &Listing, emit: &mut dyn FnMut(&[u8])) -> Result<(), Cause>;
}

/// What reads through a view that it makes for each call.
pub trait Window {
    type View<'a>: View
    where
        Self: 'a;

    fn view(&self) -> Result<Self::View<'_>, Cause>;
}

impl<W: Window> View for W {
    fn has(&self, key: &[u8]) -> Result<bool, Cause> {
        self.view()?.has(key)
    }

    fn get(&self, key: &[u8], raw: bool, most: usize, give: &mut dyn FnMut(&[u8])) -> Result<Found, Cause> {
        self.view()?.get(key, raw, most, give)
    }

    fn meta(&self, key: &[u8]) -> Result<Fields, Cause> {
        self.view()?.meta(key)
    }

    fn keys(&self, listing: &Listing, emit: &mut dyn FnMut(&[u8])) -> Result<(), Cause> {
        self.view()?.keys(listing, emit)
    }
}

/// A transaction: it sees what it has done itself.
pub trait Edit: View {
    fn set(&mut self, key: &[u8], value: &[u8], manner: Manner) -> Result<(), Cause>;
    fn remove(&mut self, key: &[u8]) -> Result<(), Cause>;
    /// Removes what has expired, but no more than `most` items; when the next item expires, in milliseconds since 1970.
    fn sweep(&mut self, most: usize) -> Result<Option<u64>, Cause>;
}

/// An open database.
pub trait Store: Sized + Send + Sync + 'static {
    /// What all who use the file at once have to agree on.
    type Settings: Clone + PartialEq + Send + Sync + 'static;
    type Reader: View + Send;

    /// What a small read takes, in tenths of a microsecond.
    const COST: i32;

    fn is_read_only(settings: &Self::Settings) -> bool;
    /// All that the process has.
    fn registry() -> &'static Registry<Self>;
    /// Opens the file, and makes it if there is none and it may be written. What is no database of this kind is refused before
    /// anything is written to it.
    fn open(path: &Path, settings: &Self::Settings) -> Result<Self, Failure>;
    /// Reads the items as they are now, for a thread that must not wait; None where it had to.
    fn look<T>(&self, read: impl FnOnce(&dyn View) -> T) -> Option<T>;
    /// The items as they are now, to be read later and by another thread. It fails where it had to wait for that.
    fn snapshot(&self) -> Result<Self::Reader, Cause>;
    /// Does `act` in a transaction, all of it or nothing. It may be done again, where the file had to be made ready for it.
    fn write(&self, act: &mut dyn FnMut(&mut dyn Edit) -> Result<(), Cause>) -> Result<(), Cause>;
    /// Closes the file, when the last who reads it has ended.
    fn close(self: Arc<Self>);
}
