//! Stores that answer each request by itself, as those over HTTP do, and what makes drivers of them.

use std::{
    collections::HashMap,
    iter,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::Poll,
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures_util::{
    FutureExt, StreamExt, TryStreamExt,
    future::{self, BoxFuture},
    stream::{self, FuturesUnordered},
};

use super::{
    Access, Answer, AsyncDriver, Bells, Capabilities, Claim, Class, Cleared, Fields, Item, Place, Places,
    RequestOptions, network, order::TaskId, schedule::Schedule,
};
use crate::{
    error::{Cause, Failure},
    key::{KeyList, Listing, normalize},
};

/// How many calls of a driver, and how many requests of one call, are under way at once. What is more waits for its turn, however long
/// that takes, as long as the service answers.
pub const MOST_UNDER_WAY: usize = 64;

/// Most bytes of an answer that the event loop copies itself, and what one costs it, in tenths of a microsecond.
pub const COPIED_NOW: usize = 16 << 10;
const COST_NOW: i32 = 16;

/// The code of what got no answer in its time.
const TIMED_OUT: &str = "ETIMEDOUT";

/// An item as a listing finds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The item's key in the driver, normalised or not.
    pub key: String,
    /// What the store calls it.
    pub name: String,
}

/// An item to write.
pub type NewItem = (String, Bytes, RequestOptions);

/// The items in parts of no more than `most` items and, unless one alone is larger, `most_bytes` bytes of values.
pub fn parts(mut items: &[NewItem], most: usize, most_bytes: usize) -> impl Iterator<Item = &[NewItem]> {
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fits = |(_, value, _): &&NewItem| {
            bytes += value.len();
            bytes <= most_bytes
        };
        let count = items.iter().take(most).take_while(fits).count().max(1);
        let (part, rest) = items.split_at_checked(count)?;
        items = rest;
        Some(part)
    })
}

/// A store behind a server, which takes calls in any order and at once; [`Queued`] brings order into them.
///
/// Keys come without the mount point, with `:` between segments. A miss is `None`, false or [`super::Field::Absent`]; whatever else
/// keeps the store from answering is an error. Each call ends some time, whatever the server does.
pub trait Store: Send + Sync + 'static {
    fn name(&self) -> &'static str;
    fn capabilities(&self) -> Capabilities;
    /// How long a call may wait for a service that leaves calls unanswered; none for no end.
    fn patience(&self) -> Option<Duration>;
    /// Refuses what can be no key here, without asking the server.
    fn check(&self, key: &str) -> Result<(), Cause>;
    /// The answer to `has` that is there without asking. Of a store that nobody writes to: no call before this one changes it.
    fn has_now(&self, _: &str) -> Poll<bool> {
        Poll::Pending
    }
    /// As `has_now`, for `get`, and of a content that is no more than [`COPIED_NOW`].
    fn get_now(&self, _: &str) -> Poll<Option<Bytes>> {
        Poll::Pending
    }
    fn has(&self, key: &str, options: &RequestOptions) -> impl Future<Output = Result<bool, Cause>> + Send;
    fn get(&self, key: &str, options: &RequestOptions) -> impl Future<Output = Result<Option<Bytes>, Cause>> + Send;
    fn set(&self, key: &str, value: Bytes, options: &RequestOptions) -> impl Future<Output = Result<(), Cause>> + Send;
    fn remove(&self, key: &str, options: &RequestOptions) -> impl Future<Output = Result<(), Cause>> + Send;
    fn meta(&self, key: &str, options: &RequestOptions) -> impl Future<Output = Result<Fields, Cause>> + Send;
    /// Every item whose key may start with `base`, which is empty or ends in `:`.
    fn list(&self, base: &str, options: &RequestOptions) -> impl Future<Output = Result<Vec<Found>, Cause>> + Send;

    /// An answer for each key, in their order.
    fn get_many(&self, keys: &[String]) -> impl Future<Output = Result<Vec<Option<Bytes>>, Cause>> + Send {
        let now = |key: &String| match self.get_now(key) {
            Poll::Ready(content) => Some(content),
            Poll::Pending => None,
        };
        if let Some(contents) = keys.iter().map(now).collect() {
            return future::ready(Ok(contents)).left_future();
        }
        let get = |key: &String| {
            let key = key.clone();
            async move { self.get(&key, &RequestOptions::default()).await.map_err(|cause| cause.of(&key)) }.boxed()
        };
        let calls: Vec<BoxFuture<_>> = keys.iter().map(get).collect();
        stream::iter(calls).buffered(MOST_UNDER_WAY).try_collect().right_future()
    }

    /// No key comes twice.
    fn set_many(&self, items: Vec<NewItem>) -> impl Future<Output = Result<(), Cause>> + Send {
        let set = |(key, value, options): NewItem| {
            async move { self.set(&key, value, &options).await.map_err(|cause| cause.of(&key)) }.boxed()
        };
        all(items.into_iter().map(set).collect())
    }

    fn remove_many(
        &self,
        found: Vec<Found>,
        options: &RequestOptions,
    ) -> impl Future<Output = Result<(), Cause>> + Send {
        async move {
            let remove = |Found { key, .. }: Found| {
                async move { self.remove(&key, options).await.map_err(|cause| cause.of(&key)) }.boxed()
            };
            all(found.into_iter().map(remove).collect()).await
        }
    }

    /// Removes what `listing` accepts, and tells of it where [`Listing::told`] says so.
    fn clear(
        &self,
        listing: &Listing,
        options: &RequestOptions,
    ) -> impl Future<Output = Result<KeyList, Cause>> + Send {
        async move {
            let (gone, found) = accepted(self.list(relative_base(listing), options).await?, listing);
            self.remove_many(found, options).await?;
            Ok(gone)
        }
    }
}

/// The base that a listing asks of the store; where it is no text, nothing can be under it, and `accepted` says so.
pub fn relative_base(listing: &Listing) -> &str {
    std::str::from_utf8(listing.relative_base()).unwrap_or_default()
}

/// What `listing` accepts of what was found: the full keys, each once, and what they are in the store.
pub fn accepted(found: Vec<Found>, listing: &Listing) -> (KeyList, Vec<Found>) {
    let (mut keys, mut kept) = (KeyList::default(), Vec::new());
    for found in found {
        let key = normalize(found.key.as_bytes());
        if !key.is_empty() && listing.accepts(&key) {
            keys.push(listing.mount.as_bytes(), &key);
            kept.push(found);
        }
    }
    (keys, kept)
}

/// Does all of it, a part at a time. After one that fails none is begun. Its error waits for those under way: a service carries out
/// what it was sent also where nobody waits for it, and would do so after calls that are made later.
pub async fn all(calls: Vec<BoxFuture<'_, Result<(), Cause>>>) -> Result<(), Cause> {
    let mut calls = calls.into_iter();
    let mut under_way: FuturesUnordered<_> = calls.by_ref().take(MOST_UNDER_WAY).collect();
    let mut all = Ok(());
    while let Some(result) = under_way.next().await {
        all = all.and(result);
        if all.is_ok() {
            under_way.extend(calls.next());
        }
    }
    all
}

type Call = BoxFuture<'static, ()>;

/// A driver whose calls on one key follow each other in the order in which they were begun, as do listings and clear with all that
/// they may meet.
pub struct Queued<S>(Arc<Shared<S>>);

struct Shared<S> {
    store: S,
    /// The call that ended last got no answer in its time.
    is_stalled: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    schedule: Schedule<Call>,
    under_way: usize,
}

impl<S: Store> Queued<S> {
    pub fn new(store: S) -> Self {
        Self(Arc::new(Shared { store, is_stalled: AtomicBool::new(false), state: Mutex::default() }))
    }

    /// Begins a call that asks the service. One that has waited too long for its turn fails, where the service leaves others unanswered:
    /// thousands that wait for it would else take their time one after another.
    fn begin<T: Send + 'static, F: Future<Output = Result<T, Cause>> + Send>(
        &self,
        claim: Claim,
        answer: Answer<T>,
        call: impl FnOnce(Arc<Shared<S>>) -> F + Send + 'static,
    ) {
        let since = Instant::now();
        self.queue(claim, answer, move |shared| async move {
            if let Some(failure) = shared.given_up(since) {
                return Err(failure.into());
            }
            let result = call(Arc::clone(&shared)).await;
            let is_stalled = matches!(&result, Err(Cause::Remote(failure)) if failure.code == TIMED_OUT);
            shared.is_stalled.store(is_stalled, Ordering::Relaxed);
            result
        });
    }

    fn queue<T: Send + 'static, F: Future<Output = Result<T, Cause>> + Send>(
        &self,
        claim: Claim,
        answer: Answer<T>,
        call: impl FnOnce(Arc<Shared<S>>) -> F + Send + 'static,
    ) {
        if let Err(error) = network::handle() {
            return answer.send(Err(error.into()), &mut Bells::default());
        }
        let shared = Arc::clone(&self.0);
        let call = async move {
            let result = call(shared).await;
            answer.send(result, &mut Bells::default());
        };
        self.0.lock().schedule.add(claim, Class::Short, call.boxed());
    }
}

impl<S: Store> Shared<S> {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why a call is not made that has waited since then.
    fn given_up(&self, since: Instant) -> Option<Failure> {
        let patience = self.store.patience().filter(|_| self.is_stalled.load(Ordering::Relaxed))?;
        let message = || format!("no turn within {} ms, as earlier calls get no answer", patience.as_millis());
        (since.elapsed() >= patience).then(|| Failure::new(TIMED_OUT, message()))
    }

    /// Lets go what may go.
    fn advance(self: &Arc<Self>) {
        let Ok(network) = network::handle() else { return };
        let mut state = self.lock();
        while state.under_way < MOST_UNDER_WAY
            && let Some((id, call)) = state.schedule.take(Class::Short)
        {
            state.under_way += 1;
            let turn = Turn { shared: Arc::clone(self), id };
            network.spawn(async move {
                let _turn = turn;
                call.await;
            });
        }
    }
}

/// A call that is under way, until this is dropped: also where it panics.
struct Turn<S: Store> {
    shared: Arc<Shared<S>>,
    id: TaskId,
}

impl<S: Store> Drop for Turn<S> {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.under_way -= 1;
        state.schedule.finish(self.id);
        drop(state);
        self.shared.advance();
    }
}

fn text(key: &[u8]) -> String {
    String::from_utf8_lossy(key).into_owned()
}

/// A key's, or what all keys share that begin with a base. They lie in one that is everything.
fn place(key: &[u8]) -> Place {
    Place::new(iter::once(b"".as_slice()).chain(key.split_inclusive(|&byte| byte == b':')))
}

fn item(key: &[u8], access: Access) -> Claim {
    Claim::Places([place(key)].into(), access)
}

fn items<'a>(keys: impl Iterator<Item = &'a [u8]>, access: Access) -> Claim {
    Claim::Places(keys.map(place).collect::<Places>(), access)
}

fn area(listing: &Listing, access: Access) -> Claim {
    item(listing.relative_base(), access)
}

impl<S: Store> AsyncDriver for Queued<S> {
    fn name(&self) -> &'static str {
        self.0.store.name()
    }

    fn capabilities(&self) -> Capabilities {
        self.0.store.capabilities()
    }

    fn check(&self, key: &[u8]) -> Result<(), Cause> {
        let text = std::str::from_utf8(key).map_err(|_| Cause::InvalidKey("a key here must have no lone surrogate"))?;
        self.0.store.check(text)
    }

    fn flush(&self) {
        if let Ok(network) = network::handle() {
            let shared = Arc::clone(&self.0);
            network.spawn(async move { shared.advance() });
        }
    }

    fn cost_now(&self) -> i32 {
        COST_NOW
    }

    fn has_now(&self, key: &[u8]) -> Poll<bool> {
        str::from_utf8(key).map_or(Poll::Pending, |key| self.0.store.has_now(key))
    }

    fn get_now(&self, key: &[u8], _: bool, give: &mut dyn FnMut(&[u8])) -> Poll<bool> {
        let found = str::from_utf8(key).map_or(Poll::Pending, |key| self.0.store.get_now(key));
        found.map(|content| content.map(|content| give(&content)).is_some())
    }

    fn has(&self, key: &[u8], options: RequestOptions, answer: Answer<bool>) {
        let (claim, key) = (item(key, Access::Read), text(key));
        self.begin(claim, answer, |shared| async move { shared.store.has(&key, &options).await });
    }

    fn get(&self, key: &[u8], options: RequestOptions, answer: Answer<Option<Bytes>>) {
        let (claim, key) = (item(key, Access::Read), text(key));
        self.begin(claim, answer, |shared| async move { shared.store.get(&key, &options).await });
    }

    fn set(&self, key: &[u8], value: Vec<u8>, options: RequestOptions, answer: Answer<()>) {
        let (claim, key) = (item(key, Access::Write), text(key));
        self.begin(claim, answer, |shared| async move { shared.store.set(&key, value.into(), &options).await });
    }

    fn remove(&self, key: &[u8], options: RequestOptions, answer: Answer<()>) {
        let (claim, key) = (item(key, Access::Write), text(key));
        self.begin(claim, answer, |shared| async move { shared.store.remove(&key, &options).await });
    }

    fn meta(&self, key: &[u8], options: RequestOptions, answer: Answer<Fields>) {
        let (claim, key) = (item(key, Access::Read), text(key));
        self.begin(claim, answer, |shared| async move { shared.store.meta(&key, &options).await });
    }

    fn get_many(&self, keys: Vec<Box<[u8]>>, answer: Answer<Vec<Option<Bytes>>>) {
        let claim = items(keys.iter().map(AsRef::as_ref), Access::Read);
        let keys: Vec<String> = keys.iter().map(|key| text(key)).collect();
        self.begin(claim, answer, |shared| async move { shared.store.get_many(&keys).await });
    }

    fn set_many(&self, given: Vec<Item>, answer: Answer<()>) {
        let claim = items(given.iter().map(|item| item.key.as_ref()), Access::Write);
        // Of several values for a key the last holds.
        let last: HashMap<&[u8], usize> = given.iter().enumerate().map(|(index, item)| (&*item.key, index)).collect();
        let mut keep: Vec<usize> = last.into_values().collect();
        keep.sort_unstable();
        let mut given: Vec<Option<Item>> = given.into_iter().map(Some).collect();
        let kept = keep.into_iter().filter_map(|index| given[index].take());
        let kept: Vec<_> = kept.map(|item| (text(&item.key), item.value.into(), item.options)).collect();
        self.begin(claim, answer, |shared| async move { shared.store.set_many(kept).await });
    }

    fn keys(&self, listing: Listing, options: RequestOptions, answer: Answer<KeyList>) {
        self.begin(area(&listing, Access::Read), answer, |shared| async move {
            let found = shared.store.list(relative_base(&listing), &options).await?;
            Ok(accepted(found, &listing).0)
        });
    }

    fn clear(&self, listing: Listing, options: RequestOptions, answer: Answer<Cleared>) {
        self.begin(area(&listing, Access::Write), answer, |shared| async move {
            shared.store.clear(&listing, &options).await.map(Cleared::from)
        });
    }

    /// Connections are shared by the whole process, and end by themselves when nobody uses them.
    fn close(&self, answer: Answer<()>) {
        self.queue(area(&Listing::default(), Access::Write), answer, |_| async { Ok(()) });
    }
}
