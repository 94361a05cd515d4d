//! The contracts that drivers fulfil: one set of operations in three calling styles, by where the work may be done.

mod answer;
mod claim;
mod deferred;
pub mod network;
mod order;
mod pool;
mod request;
mod schedule;
mod slots;
mod store;

use std::{borrow::Cow, cell::RefCell, io, rc::Rc, sync::Arc, task::Poll, thread::JoinHandle};

use bytes::Bytes;

use crate::{
    clock::Clock,
    error::{Cause, Failure},
    key::{KeyList, Listing},
};
pub use answer::{Answer, Bell, Bells};
pub use claim::{Access, Claim, Place, Places};
#[cfg(test)]
pub use deferred::patiently;
pub use deferred::{Deferred, once, retried};
pub use pool::{Pool, WORKERS};
pub use request::{Headers, RequestOptions};
pub use schedule::{Class, Job};
pub use slots::{Reason, Slot, Slots};
pub use store::{COPIED_NOW, Found, MOST_UNDER_WAY, NewItem, Queued, Store, accepted, all, parts, relative_base};

/// What a caller asks beside key and value. Later wishes (conditions on the stored version, say) become fields here; those that
/// only a server can fulfil, of [`RequestOptions`].
#[derive(Debug, Clone, Copy, Default)]
pub struct CallOptions {
    /// Life of the item in milliseconds: 0 where the caller gave none, so that the driver's own option holds; NaN and
    /// infinities for no limit; negative is over at once.
    pub ttl: f64,
    /// Size of the value as the driver's limits count it; 0 where it has none.
    pub size: u64,
}

/// What a driver can do natively. JavaScript shows it as the driver's `flags`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Capabilities {
    /// `ttl` of an item is kept.
    pub ttl: bool,
    /// `get_keys` honours `max_depth` by itself.
    pub max_depth: bool,
    /// The driver needs [`CallOptions::size`].
    pub sized: bool,
}

/// A driver in the lane that its store allows.
#[derive(Clone)]
pub enum Lane {
    /// Answers on the calling thread, never blocks, belongs to one thread.
    Inline(Rc<RefCell<dyn InlineDriver>>),
    /// May block: runs on the [`Pool`].
    Blocking(Arc<dyn BlockingDriver>),
    /// Its calls begin on the calling thread and end elsewhere: on that of [`network`], for those that wait for a server.
    Async(Arc<dyn AsyncDriver>),
}

impl Lane {
    pub fn name(&self) -> &'static str {
        match self {
            Self::Inline(driver) => driver.borrow().name(),
            Self::Blocking(driver) => driver.name(),
            Self::Async(driver) => driver.name(),
        }
    }

    pub fn capabilities(&self) -> Capabilities {
        match self {
            Self::Inline(driver) => driver.borrow().capabilities(),
            Self::Blocking(driver) => driver.capabilities(),
            Self::Async(driver) => driver.capabilities(),
        }
    }
}

/// What an in-memory driver works with beside its own state.
pub struct Scope<'a> {
    pub slots: &'a mut Slots,
    pub clock: &'a Clock,
}

/// How a write to an in-memory driver ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Written {
    /// The value goes to this slot.
    Slot(Slot),
    /// Larger than the whole driver may be: nothing was stored, and an older value of the key stays.
    TooLarge,
    /// Larger than an entry may be: nothing is kept under the key, as lru-cache has it.
    Dropped,
}

/// A driver whose keys, order and expiry live in Rust and whose values stay in JavaScript, in slots.
///
/// What is expired is never returned or listed. Every slot that leaves the driver is released.
pub trait InlineDriver {
    fn name(&self) -> &'static str;
    fn capabilities(&self) -> Capabilities;
    fn get(&mut self, key: &[u8], scope: &mut Scope) -> Option<Slot>;
    fn has(&mut self, key: &[u8], scope: &mut Scope) -> bool;
    fn set(&mut self, key: &[u8], options: CallOptions, scope: &mut Scope) -> Written;
    /// Whether the key was there.
    fn remove(&mut self, key: &[u8], scope: &mut Scope) -> bool;
    /// The keys that `listing` accepts, in the driver's order.
    fn keys(&mut self, listing: &Listing, scope: &mut Scope, emit: &mut dyn FnMut(&[u8]));
    /// A number that changes whenever the answer of `keys` does.
    fn generation(&self) -> u64;
    /// Some item expires, now or later: sweeping makes sense.
    fn is_timed(&self) -> bool;
    /// Releases what is expired, but no more than `most` entries; the milliseconds until the next entry expires.
    fn sweep(&mut self, scope: &mut Scope, most: usize) -> Option<u64>;
}

/// What a store knows about an item: moments in milliseconds since 1970, and bytes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Meta {
    pub accessed: f64,
    pub modified: f64,
    pub size: f64,
    pub created: f64,
    pub changed: f64,
    /// Milliseconds that it has to live; 0 for no end.
    pub life: f64,
}

/// Asks the function that JavaScript keeps for the driver: its answer for each text.
pub type Ask<'a> = dyn FnMut(Vec<String>) -> io::Result<Vec<bool>> + 'a;

/// What happened to an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    Update,
    Remove,
}

/// Where a watcher tells of changes, with the item's key.
pub type Tell = Box<dyn Fn(Change, &[u8]) + Send + Sync>;

/// Where a watcher tells that it hears of no changes for now, and why.
pub type Warn = Box<dyn Fn(Failure) + Send + Sync>;

/// A watcher at work.
pub struct Watch {
    /// Dropped, it tells the watcher to stop.
    pub stop: Box<dyn Send>,
    /// Where it has one of its own.
    pub thread: Option<JoinHandle<()>>,
}

impl Watch {
    /// Stops it, and waits until it has given back what it took.
    pub fn end(self) {
        drop(self.stop);
        // If it panicked, it has ended, too.
        let _ = self.thread.map(JoinHandle::join);
    }
}

/// A driver whose calls may block. It is called from several threads at once. A call that writes to a place comes after all
/// earlier calls on it and before all later ones.
///
/// A miss is `None`; whatever else keeps the driver from answering is an error. A call does not wait for other processes, nor
/// does `get` move many bytes unasked: it answers with [`Deferred`], and is made again.
pub trait BlockingDriver: Send + Sync {
    fn name(&self) -> &'static str;
    fn capabilities(&self) -> Capabilities;
    /// Refuses what can be no key here, without looking at the store.
    fn check(&self, key: &[u8]) -> Result<(), Cause>;
    /// Where the key's item lies, under every name that is known of it. Calls that share a place never overtake each other,
    /// whichever instance they are made on.
    fn places(&self, key: &[u8]) -> Places;
    /// What the places of all keys start with that `listing` can accept.
    fn area(&self, listing: &Listing) -> Place;
    /// Lists and clears ask JavaScript.
    fn asks(&self) -> bool {
        false
    }
    /// [`BlockingDriver::has`] on a thread that must not wait, where the answer is in memory. It is asked only while no other
    /// call writes to the key's places.
    fn has_now(&self, _: &[u8]) -> Poll<bool> {
        Poll::Pending
    }
    /// As `has_now`, for [`BlockingDriver::get`].
    fn get_now(&self, _: &[u8]) -> Poll<Option<Bytes>> {
        Poll::Pending
    }
    fn has(&self, key: &[u8]) -> Result<bool, Cause>;
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, Cause>;
    fn set(&self, key: &[u8], value: &[u8], options: CallOptions) -> Result<(), Cause>;
    fn remove(&self, key: &[u8]) -> Result<(), Cause>;
    fn meta(&self, key: &[u8]) -> Result<Option<Meta>, Cause>;
    /// The keys that `listing` accepts.
    fn keys(&self, listing: &Listing, ask: &mut Ask, emit: &mut dyn FnMut(&[u8])) -> Result<(), Cause>;
    /// Removes the keys that `listing` accepts, and what only they needed; tells which those were.
    fn clear(&self, listing: &Listing, ask: &mut Ask, emit: &mut dyn FnMut(&[u8])) -> Result<(), Cause>;
    /// Tells of every change of an item from now on, whoever makes it, until the watch is dropped. Changes that come in
    /// quick succession may be told as one.
    fn watch(&self, tell: Tell) -> Result<Watch, Cause>;
}

/// What a server knows about an item, by the names that JavaScript sees.
pub type Fields = Vec<(Cow<'static, str>, Field)>;

#[derive(Debug, Clone, PartialEq)]
pub enum Field {
    Number(f64),
    Text(String),
    /// The server says that there is none.
    Absent,
}

/// An item to write, by its key in the driver.
pub struct Item {
    pub key: Box<[u8]>,
    pub value: Vec<u8>,
    pub options: RequestOptions,
}

/// What a server answers to a command of the caller's own.
#[derive(Debug, Clone, PartialEq)]
pub enum Response {
    Nothing,
    Number(i64),
    Text(Bytes),
    List(Vec<Response>),
    /// In a list: one of several commands failed.
    Failure(Failure),
}

/// How a driver stands to its server; js/drivers/redis.js has the same list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Status {
    /// The next call connects.
    #[default]
    Wait,
    Connecting,
    Ready,
    Reconnecting,
}

/// What a clear did.
#[derive(Default)]
pub struct Cleared {
    /// The keys that are gone, in full, where [`Listing::told`] says that they are told.
    pub gone: KeyList,
    /// Why others stayed.
    pub failure: Option<Cause>,
}

impl From<KeyList> for Cleared {
    fn from(gone: KeyList) -> Self {
        Self { gone, failure: None }
    }
}

/// A driver whose calls end elsewhere: its store lies behind a network, or many calls share a commit. A method only begins the
/// call, does not block, and may be called from several threads; the answer comes from any thread, once.
///
/// Calls on one key take effect in the order in which they were begun. A miss is `None`; whatever else keeps the driver from
/// answering is an error. Every call ends some time, whatever the server does. No method is given a key that `check`
/// refuses.
pub trait AsyncDriver: Send + Sync {
    fn name(&self) -> &'static str;
    fn capabilities(&self) -> Capabilities;
    /// Refuses what can be no key here, without asking the server.
    fn check(&self, key: &[u8]) -> Result<(), Cause>;
    /// All calls of this turn of the event loop have begun: what was put off to go out together goes out now.
    fn flush(&self);
    /// What an answer of `has_now` or `get_now` costs the event loop, in tenths of a microsecond.
    fn cost_now(&self) -> i32 {
        0
    }
    /// [`AsyncDriver::has`] where the answer needs no waiting.
    fn has_now(&self, _: &[u8]) -> Poll<bool> {
        Poll::Pending
    }
    /// As `has_now`, for [`AsyncDriver::get`]: whether there is a value, which is given to `give`.
    fn get_now(&self, _: &[u8], _raw: bool, _give: &mut dyn FnMut(&[u8])) -> Poll<bool> {
        Poll::Pending
    }
    fn has(&self, key: &[u8], options: RequestOptions, answer: Answer<bool>);
    fn get(&self, key: &[u8], options: RequestOptions, answer: Answer<Option<Bytes>>);
    fn set(&self, key: &[u8], value: Vec<u8>, options: RequestOptions, answer: Answer<()>);
    fn remove(&self, key: &[u8], options: RequestOptions, answer: Answer<()>);
    fn meta(&self, key: &[u8], options: RequestOptions, answer: Answer<Fields>);
    /// An answer for each key, in their order.
    fn get_many(&self, keys: Vec<Box<[u8]>>, answer: Answer<Vec<Option<Bytes>>>);
    fn set_many(&self, items: Vec<Item>, answer: Answer<()>);
    /// Refuses a call while too many others wait. What `close` and `watch` do is no such call.
    fn admit(&self) -> Result<(), Cause> {
        Ok(())
    }
    /// The keys that `listing` accepts, in full.
    fn keys(&self, listing: Listing, options: RequestOptions, answer: Answer<KeyList>);
    /// Removes the keys that `listing` accepts.
    fn clear(&self, listing: Listing, options: RequestOptions, answer: Answer<Cleared>);
    /// Tells of every change of an item from when it answers until the watch is dropped, whoever makes the change. What happens
    /// while there is no connection may not be told.
    fn watch(&self, _: Tell, _: Warn, answer: Answer<Watch>) {
        let failure = Failure::new("UNSUPPORTED", "the driver hears of no changes that others make");
        answer.send(Err(failure.into()), &mut Bells::default());
    }
    /// Ends the connections when the calls before it are answered, or gives those up that have no connection. The next call opens
    /// them anew.
    fn close(&self, answer: Answer<()>);
    /// A command of the caller's own, in the words of the server. It is not sent twice.
    fn command(&self, _: Vec<Vec<u8>>, answer: Answer<Response>) {
        answer.send(Err(Cause::Unsupported("the driver takes no commands")), &mut Bells::default());
    }
    fn status(&self) -> Status {
        Status::Wait
    }
}
